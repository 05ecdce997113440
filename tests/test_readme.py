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
from ablate.study import study_file

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SPECS: tuple[type[Spec], ...] = (*DATA, *MODELS, *LOSSES, *SCHEMES, *DESIGNS)
KINDS = sorted(spec.model_fields["kind"].default for spec in SPECS)


def named(command):
    return command.name or command.callback.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_named(kind):
    assert f"`{kind}`" in README


@pytest.mark.parametrize("probe", [probe.name for probe in PROBES])
def test_every_probe_is_named(probe):
    assert f"`{probe}`" in README


@pytest.mark.parametrize("command", [named(c) for c in app.registered_commands])
def test_every_command_is_named(command):
    assert f"`ablate {command}" in README


@pytest.mark.parametrize("command", [named(c) for c in data_app.registered_commands])
def test_every_data_command_is_named(command):
    assert f"`ablate data {command}" in README


def test_the_example_study_is_a_valid_one(tmp_path):
    block, *_ = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "example.yaml").write_text(block)
    assert len(study_file.load(tmp_path / "example.yaml").planned_runs) == 3 * 2 * 3


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)#]+)\)", page.read_text())]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{page.name}-{link}" for page, link in LINKS])
def test_every_link_leads_somewhere(page, link):
    assert link.startswith("https://") or (page.parent / link).exists()


def test_every_page_is_linked_from_the_readme():
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= set(re.findall(r"\]\(([^)#]+)\)", README))


TIMES = {0: "never", 1: "once", 3: "3 times", 10: "10 times"}


@pytest.mark.parametrize(("kind", "times"), RETRIES.items())
def test_the_page_on_failures_says_how_often_each_kind_is_tried_again(kind, times):
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert re.search(rf"^\| {kind.replace('_', ' ')} \|.*\| {TIMES[times]} \|$", page, re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"`((?:ablate|studies)/[\w/.]+)`", README))
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
