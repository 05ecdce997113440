"""The table of a study has the baselines of the study."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ablate.cli import app

STUDY = """
name: small
question: Which kernel?
base: {model: {kind: convlstm, state_kernel_size: 3}}
factors: {model.state_kernel_size: [1, 3, 5], loss: [{kind: bce}, {kind: mse}]}
seeds: 6
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    generator = np.random.default_rng(0)
    rows = [(k, loss, s, generator.normal()) for k in (1, 3, 5) for loss in ("bce", "mse") for s in range(6)]
    table = pd.DataFrame(rows, columns=["model.state_kernel_size", "loss", "seed", "ghost_ratio"])
    for name in ("runs.csv", "copy.csv"):
        table.to_csv(tmp_path / name, index=False)
    return tmp_path


@pytest.fixture
def contrasts(folder):
    def of(name, *more):
        arguments = ["--response", "ghost_ratio", "--factors", "model.state_kernel_size,loss", "--block", "seed"]
        done = CliRunner().invoke(
            app, ["analyze", str(folder / name), *arguments, *more, "--json", str(folder / "o.json")]
        )
        assert done.exception is None, done.exception
        first = json.loads((folder / "o.json").read_text())["verdicts"][0]
        return [effect["contrast"] for effect in first["effects"]], done.output

    return of


def test_effects_are_against_the_baseline_of_the_study(contrasts):
    compared, output = contrasts("runs.csv")
    assert compared == ["1 - 3", "5 - 3"]
    assert "the baselines are those of the study beside the table: model.state_kernel_size 3, loss bce" in output


def test_a_named_baseline_comes_first(contrasts):
    assert contrasts("runs.csv", "--baseline", "model.state_kernel_size=5")[0] == ["1 - 5", "3 - 5"]


def test_a_table_of_another_name_is_not_the_study_s(contrasts):
    assert contrasts("copy.csv")[0] == ["3 - 1", "5 - 1"]


def test_a_damaged_study_file_changes_nothing(folder, contrasts):
    (folder / "study.yaml").write_text("{")
    assert contrasts("runs.csv")[0] == ["3 - 1", "5 - 1"]
