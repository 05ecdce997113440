"""Reading and planning a study loads no torch, which takes seconds: only building a model, loss or scheme does."""

import subprocess
import sys
from pathlib import Path

import pytest

STUDIES = sorted((Path(__file__).parent.parent / "studies").glob("*.yaml"))
ROOMS = ["analysis", "design", "inference", "measurement", "planning", "report", "storage", "study"]
REGISTRIES = ["data", "losses", "models", "schemes"]
IMPORT_ALL = """
from importlib import import_module
from pkgutil import walk_packages
room = import_module({room!r})
for module in walk_packages(room.__path__, {room!r} + "."):
    import_module(module.name)
"""
COUNT_RUNS = """
from pathlib import Path
from ablate.study.study_file import load
assert load(Path({study!r})).planned_runs
"""


def assert_loads_no_torch(code):
    check = f"{code}\nimport sys\nassert 'torch' not in sys.modules, 'torch is loaded'"
    finished = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_of_the_room_loads_torch(room):
    assert_loads_no_torch(IMPORT_ALL.format(room=f"ablate.{room}"))


@pytest.mark.parametrize("registry", REGISTRIES)
def test_the_specs_of_components_load_no_torch(registry):
    assert_loads_no_torch(f"import ablate.components.{registry}")


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_reading_a_study_and_listing_its_runs_loads_no_torch(study):
    assert_loads_no_torch(COUNT_RUNS.format(study=str(study)))


def test_printing_the_schema_loads_no_torch():
    assert_loads_no_torch("from ablate.study.study_file import schema_text\nassert schema_text()")
