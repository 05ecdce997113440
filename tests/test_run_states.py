"""States of Optuna, MLflow, W&B, Slurm and Ray: which leave a result."""

import pytest

from ablate.inference.lost_runs import is_lost_by_response
from ablate.inference.run_states import STATES, RunState, run_state

# the words that the libraries' own documentation lists
OPTUNA = {"COMPLETE": True, "PRUNED": False, "FAIL": False, "RUNNING": False, "WAITING": False}
MLFLOW = {"FINISHED": True, "FAILED": False, "KILLED": False, "RUNNING": False, "SCHEDULED": False}
WANDB = {"finished": True, "failed": False, "crashed": False, "killed": False, "running": False, "preempted": False}
SLURM = {"COMPLETED": True, "CANCELLED": False, "TIMEOUT": False, "OUT_OF_MEMORY": False, "NODE_FAIL": False}
ABLATE = {
    "finished": True,
    **dict.fromkeys(("diverged", "unmeasurable", "failed", "missing", "excluded"), False),
}
LIBRARIES = {"optuna": OPTUNA, "mlflow": MLFLOW, "wandb": WANDB, "slurm": SLURM, "ablate": ABLATE}


@pytest.mark.parametrize("states", LIBRARIES.values(), ids=LIBRARIES)
def test_every_state_of_a_library_is_known(states):
    assert {word: run_state(word) is RunState.FINISHED for word in states} == states


@pytest.mark.parametrize(
    "text", ["PRUNED", "pruned", " Pruned ", "TrialState.PRUNED", "failed: out of disk", "Timed Out"]
)
def test_a_state_is_known_in_any_case_as_an_enum_and_with_a_reason(text):
    assert run_state(text) is RunState.LOST


@pytest.mark.parametrize("text", ["", "early", "ghost", "0", "terminated", "not failed", "unfinished business"])
def test_other_words_are_no_state(text):
    assert run_state(text) is None


def test_a_loss_is_by_response_only_where_the_response_ended_the_run():
    lost = {word for word, state in STATES.items() if state is RunState.LOST}
    assert {word for word in lost if is_lost_by_response(word)} == {"diverged", "pruned", "undefined", "unmeasurable"}
