import re
import tomllib
from pathlib import Path

import pytest

from ablate import study_file
from ablate.cli import app, data_app
from ablate.data import DATA
from ablate.design import DESIGNS
from ablate.losses import LOSSES
from ablate.models import MODELS
from ablate.probes import PROBES
from ablate.schemes import SCHEMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
KINDS = sorted(part.model_fields["kind"].default for part in (*DATA, *MODELS, *LOSSES, *SCHEMES, *DESIGNS))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_named(kind):
    assert f"`{kind}`" in README


@pytest.mark.parametrize("probe", [probe.name for probe in PROBES])
def test_every_probe_is_named(probe):
    assert f"`{probe}`" in README


@pytest.mark.parametrize("command", [c.name or c.callback.__name__ for c in app.registered_commands])
def test_every_command_is_named(command):
    assert f"`ablate {command}" in README


@pytest.mark.parametrize("command", [c.name or c.callback.__name__ for c in data_app.registered_commands])
def test_every_data_command_is_named(command):
    assert f"`ablate data {command}" in README


def test_the_example_study_is_a_valid_one(tmp_path):
    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL).group(1)
    (tmp_path / "example.yaml").write_text(block)
    assert len(study_file.load(tmp_path / "example.yaml").points) == 3 * 2 * 3


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(link):
    assert link.startswith("https://") or (ROOT / link).exists()


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
    names = {re.match(r"[\w.-]+", line).group().lower().replace("_", "-") for line in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert names <= pinned
