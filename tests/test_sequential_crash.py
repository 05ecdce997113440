"""A driver of a sequential study that dies between two looks: the next one takes the same looks and stops there too."""

import subprocess
import sys
from collections import Counter

import optuna
import pytest

from ablate.execution.results import decided_after, study_table
from ablate.storage.looks import recorded_looks
from ablate.study import study_file

pytestmark = pytest.mark.timeout(600)


def start(study, store, folder, *numbers):
    file = folder / "study.yaml"
    file.write_text(study_file.dump(study))
    command = [sys.executable, "-m", "tests.crash.drive_looks", str(file), str(store.root), *map(str, numbers)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kill_at", [3, *(pytest.param(seeds, marks=pytest.mark.slow) for seeds in (2, 4))])
def test_a_driver_that_is_killed_at_a_look_changes_no_look_and_no_decision(small_study, store, tmp_path, kill_at):
    study, paths = small_study(seeds={"from": 2, "to": 6}), store.study("small")
    assert start(study, store, tmp_path, 4, kill_at).returncode == -9
    assert [look.seeds for look in recorded_looks(paths)] == list(range(2, kill_at + 1))
    ended = start(study, store, tmp_path, 4)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [(look.seeds, look.runs) for look in recorded_looks(paths)] == [(2, 8), (3, 12), (4, 16)]
    assert decided_after(study, paths) == 4
    outcomes = study_table(study, paths).runs["outcome"]
    assert (len(outcomes), set(outcomes)) == (16, {"finished"})
    trials = optuna.load_study(study_name="small", storage=store.optuna_url).trials
    states = Counter(trial.state.name for trial in trials)
    assert states["WAITING"] == states["RUNNING"] == 0
