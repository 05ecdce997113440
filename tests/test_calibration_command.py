"""`ablate calibrate`, from its arguments to its exit code."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.core.errors import DesignError, SpecError
from ablate.inference.calibration import SCENARIOS
from ablate.study.study_file import dump

SMALL = ["--levels", "2x2", "--seeds", "3", "--workers", "1"]


def calibrate(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)], env={"COLUMNS": "120"})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the command's output, and what it wrote, for every scenario on a small design."""
    folder = tmp_path_factory.mktemp("calibrate")
    done = calibrate(
        "--levels", "2x2x2", "--seeds", 6, "--studies", 3, "--json", folder / "c.json", "--svg", folder / "c.svg"
    )
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.output, json.loads((folder / "c.json").read_text()), (folder / "c.svg").read_text()


def test_every_scenario_is_simulated(files):
    output, document, picture = files
    assert list(document["scenarios"]) == list(SCENARIOS)
    assert {rates["studies"] for rates in document["scenarios"].values()} == {3}
    for scenario in SCENARIOS.values():
        assert scenario.title.split()[0] in output
        assert scenario.title in picture


def test_the_json_says_what_was_simulated(files):
    _, document, _ = files
    assert document["design"] == {"factors": {name: ["1", "2"] for name in "ABC"}, "cells": 8, "seeds": 6}
    assert document["sizes"] == {"effect": 1, "interaction": 2, "margin": 0.5}
    assert document["settings"]["margin"] == 0.5


def test_criteria_are_shown_in_words(files):
    output, document, _ = files
    assert [criterion["scenario"] for criterion in document["criteria"]] == ["no_effect"] * 2 + [
        "one_cause",
        "pure_interaction",
    ]
    assert "false alarms in at most 5 % of the studies; found" in output


def test_the_number_of_workers_changes_nothing(tmp_path):
    common = ["--levels", "2x2", "--seeds", "3", "--studies", "6", "--scenario", "one_cause"]
    for workers in (1, 2):
        calibrate(*common, "--workers", workers, "--json", tmp_path / f"{workers}.json")
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_a_study_gives_its_own_design_and_settings(tmp_path, small_study):
    file = tmp_path / "small.yaml"
    factors = {"model.layers": [1, 2], "model.activation": ["tanh", "relu"]}
    analysis = {"alpha": 0.1, "interval": "bca"}
    file.write_text(dump(small_study(factors=factors, design={"kind": "one_at_a_time"}, analysis=analysis)))
    done = calibrate(file, "--studies", 2, "--seeds", 5, "--workers", 1, "--json", tmp_path / "c.json")
    document = json.loads((tmp_path / "c.json").read_text())
    assert (document["design"]["cells"], document["design"]["seeds"]) == (3, 5)
    assert (document["settings"]["alpha"], document["settings"]["interval"]) == (0.1, "bca")
    assert "pure interaction: left out, this design cannot show it" in done.output
    assert "pure_interaction" not in document["scenarios"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--levels", "3by3"], DesignError, "3x3x2"),
        (["--levels", "3x1"], DesignError, "2 or more"),
        (["--levels", "99x99x99"], DesignError, "10000 cells"),
        (["--scenario", "no_such"], SpecError, "no_effect, one_cause"),
        (["nowhere.yaml"], SpecError, "nowhere.yaml"),
    ],
)
def test_what_there_is_not_is_refused_in_one_line(arguments, error, words):
    found = calibrate(*arguments).exception
    assert isinstance(found, error)
    assert found.exit_code == 2
    assert words in str(found)
    assert "\n" not in str(found)


def test_a_study_and_levels_cannot_both_be_given(tmp_path, small_study):
    (tmp_path / "small.yaml").write_text(dump(small_study()))
    assert isinstance(calibrate(tmp_path / "small.yaml", "--levels", "2x2").exception, SpecError)


def test_stopped_it_shows_what_was_done_and_exits_with_130(tmp_path):
    command = [sys.executable, "-m", "ablate", "calibrate", *SMALL, "--scenario", "no_effect", "--json", "c.json"]
    started = time.monotonic()
    subprocess.run([*command, "--studies", "1"], cwd=tmp_path, stdout=subprocess.DEVNULL, check=False, env=os.environ)
    until_the_first_study = time.monotonic() - started  # which a busy machine makes many times as long
    many = [*command, "--studies", "1000000"]
    process = subprocess.Popen(many, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=os.environ)
    time.sleep(until_the_first_study + 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert json.loads((tmp_path / "c.json").read_text())["scenarios"]["no_effect"]["studies"] > 0
    assert "no effect" in output


def test_a_study_whose_pairs_are_not_tested_is_promised_no_interaction(tmp_path, small_study):
    study = small_study(
        factors={"model.activation": ["tanh", "relu"], "model.head": ["frame", "conv3d"]},
        analysis={"interactions": "none"},
    )
    (tmp_path / "small.yaml").write_text(dump(study))
    done = calibrate(tmp_path / "small.yaml", "--studies", 1, "--workers", 1, "--scenario", "pure_interaction")
    assert "left out, this design cannot show it" in done.output
