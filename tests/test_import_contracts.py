"""The import contracts in pyproject.toml hold in the package, and break where somebody plants a forbidden import."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ablate"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
TORCH_FREE = next(
    contract["source_modules"] for contract in CONTRACTS if "torch" in contract.get("forbidden_modules", ())
)
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())

NEW_ROOM = "attic"
EXISTING = {
    "mlflow": "ablate.commands.console",
    "optuna": "ablate.execution.progress",
    "torch": "ablate.report.plan_page",
}
"""Modules that exist and must not import the library. Nothing in the torch-free rooms imports the first two."""


def lint_imports(folder):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def plant(folder, module, statement):
    """Add an import to a module of the copy in this folder; make the module if there is none."""
    file = folder.joinpath(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + statement + "\n")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a function that copies the package and its contracts into a new folder."""

    def make():
        folder = tmp_path_factory.mktemp("copy")
        shutil.copytree(PACKAGE, folder / "ablate", ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        return folder

    return make


@pytest.fixture(scope="module")
def report(copy):
    """Return what the linter prints for a copy in which every kind of forbidden import is planted."""
    folder = copy()
    for library, module in EXISTING.items():
        plant(folder, module, f"import {library}")
    for room in ROOMS:
        plant(folder, f"ablate.{room}.planted_mlflow", "def track():\n    from mlflow.tracking import MlflowClient")
        plant(folder, f"ablate.{room}.planted_optuna", "from optuna import study")
    for room in TORCH_FREE:
        plant(folder, f"{room}.planted_torch", "import torch.nn")
        plant(folder, f"{room}.planted_tensors", "from ablate.core import tensors")
    plant(folder, "ablate.core.planted_upward", "from ablate import report")
    plant(folder, f"ablate.{NEW_ROOM}.__init__", "")
    linted = lint_imports(folder)
    assert linted.returncode == 1
    return linted.stdout


def test_the_package_keeps_every_contract(copy):
    linted = lint_imports(copy())
    assert linted.returncode == 0, linted.stdout
    assert f"{len(CONTRACTS)} kept, 0 broken" in linted.stdout


@pytest.mark.parametrize("library", EXISTING)
def test_a_forbidden_import_in_an_existing_module_breaks_a_contract(report, library):
    assert f"{EXISTING[library]} -> {library}" in report


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("library", ["mlflow", "optuna"])
def test_a_tracking_library_in_a_new_module_of_any_room_breaks_a_contract(report, room, library):
    assert f"ablate.{room}.planted_{library} -> {library}" in report


@pytest.mark.parametrize("room", TORCH_FREE)
def test_torch_in_a_new_module_of_a_torch_free_room_breaks_a_contract(report, room):
    assert f"{room}.planted_torch -> torch" in report


@pytest.mark.parametrize("room", TORCH_FREE)
def test_torch_loaded_through_another_room_breaks_a_contract(report, room):
    assert re.search(rf"{room}\.planted_tensors -> ablate\.core\.tensors .*\n\s+ablate\.core\.tensors -> torch", report)


def test_an_import_of_a_higher_room_breaks_the_layers(report):
    assert "ablate.core.planted_upward -> ablate.report" in report


def test_a_room_without_a_layer_breaks_the_layers(report):
    assert re.search(rf"not listed as layers:\s+- ablate\.{NEW_ROOM}\n", report)


def test_every_folder_of_modules_is_a_package_because_the_linter_skips_others():
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []
