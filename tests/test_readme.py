"""README and the pages of the docs name and link to what exists."""

import re
import tomllib
from pathlib import Path

import pytest

from ablate.cli import app, data_app
from ablate.components.data import DATA
from ablate.components.losses import LOSSES
from ablate.components.models import MODELS
from ablate.components.schemes import SCHEMES
from ablate.core.spec_base import Spec
from ablate.design import DESIGNS
from ablate.diagnosis.probes import PROBES
from ablate.storage.failed_attempts import RETRIES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
SPECS: tuple[type[Spec], ...] = (*DATA, *MODELS, *LOSSES, *SCHEMES, *DESIGNS)
KINDS = sorted(spec.model_fields["kind"].default for spec in SPECS)


def test_the_readme_has_at_most_700_words():
    assert len(README.split()) <= 700


def named(command):
    return command.name or command.callback.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_on_studies_names_every_kind(kind):
    assert f"`{kind}`" in TEXTS["docs/studies.md"]


@pytest.mark.parametrize("probe", [probe.name for probe in PROBES])
def test_the_page_on_networks_names_every_probe(probe):
    assert f"`{probe}`" in TEXTS["docs/networks.md"]


@pytest.mark.parametrize("command", [named(c) for c in app.registered_commands])
def test_the_page_on_commands_names_every_command(command):
    assert f"`ablate {command}" in TEXTS["docs/commands.md"]


@pytest.mark.parametrize("command", [named(c) for c in data_app.registered_commands])
def test_the_page_on_commands_names_every_data_command(command):
    assert f"`ablate data {command}" in TEXTS["docs/commands.md"]


LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#]+)", page.read_text())]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.name}-{link}" for page, link in LINKS])
def test_every_link_leads_somewhere(page, link):
    assert link.startswith("https://") or (page.parent / link).exists()


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.name}-{link}" for page, link in LINKS])
def test_a_page_of_the_site_links_to_nothing_outside_the_site(page, link):
    is_inside = DOCS in (page.parent / link).resolve().parents
    assert DOCS not in page.parents or link.startswith("https://") or is_inside


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == DOCS and page.name != "index.md"])
def test_the_index_links_to_every_page(page):
    assert f"]({page.relative_to(DOCS).as_posix()})" in TEXTS["docs/index.md"]


TIMES = {0: "never", 1: "once", 3: "3 times", 10: "10 times"}


@pytest.mark.parametrize(("kind", "times"), RETRIES.items())
def test_the_page_on_failures_says_how_often_each_kind_is_tried_again(kind, times):
    row = rf"^\| {kind.replace('_', ' ')} \|.*\| {TIMES[times]} \|$"
    assert re.search(row, TEXTS["docs/reliability.md"], re.MULTILINE)


PATHS = {
    path for text in TEXTS.values() for path in re.findall(r"`((?:ablate|benchmarks|studies|tests)/[\w/.]+)`", text)
}


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_exists(path):
    assert (ROOT / path).exists()


def test_continuous_integration_runs_the_readmes_commands():
    commands = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]
    script = (ROOT / ".ci" / "run").read_text().replace(" --quiet", "")
    install, test = (line for line in commands if "pip install" in line)
    assert install in script
    assert all(part in script for part in test.split(" && "))


def test_every_direct_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.split(r"[^\w.-]", line)[0].lower().replace("_", "-") for line in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert names <= pinned
