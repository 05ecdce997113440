import pytest

from ablate.components.models import ConvLSTM
from ablate.execution.cost import _flop_a_second, _run_flop, _step_flop, estimate
from ablate.study import RunSpec, changed


def test_the_network_of_the_case_takes_the_arithmetic_that_was_posted():
    case = RunSpec(model=ConvLSTM(filters=64, kernel_size=(1, 2, 1, 2), activation="relu"))
    # posted: 114.9 GFLOP a clip and step with a state convolution at the first of 15 steps, which ours leaves out
    state = 15 * 2 * 4 * 64 * 64 * 64 * 64 * (1 + 4 + 1 + 4) * 3
    assert _step_flop(case) == pytest.approx(114.9e9 - state / 15, rel=0.01)


def test_twice_the_steps_are_twice_the_training(small_run):
    once, twice = (_run_flop(changed(small_run, {"training.steps": steps})) for steps in (10, 20))
    assert twice - once == 10 * small_run.training.batch * _step_flop(small_run)


def test_a_floor_costs_no_training(small_run):
    assert _run_flop(changed(small_run, {"model": {"kind": "persistence"}})) == 0


def test_this_machine_does_some_arithmetic_in_a_second(small_run):
    assert _flop_a_second(small_run) > 0


def test_a_study_takes_its_runs_over_the_slots(small_study):
    study = small_study()
    cost = estimate(study, slots=2)
    assert len(cost.run_seconds) == len(study.cells)
    assert cost.study_seconds == pytest.approx(sum(cost.run_seconds) * len(study.seeds) / 2)
