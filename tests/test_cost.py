import pytest

from ablate.components.models import ConvLSTM
from ablate.execution import cost
from ablate.execution.cost import FlopCount, _flop_a_second, estimate
from ablate.study import RunSpec, changed


def test_the_network_of_the_case_takes_the_arithmetic_that_was_posted():
    case = RunSpec(model=ConvLSTM(filters=64, kernel_size=(1, 2, 1, 2), activation="relu"))
    # posted: 114.9 GFLOP a clip and step with a state convolution at the first of 15 steps, which ours leaves out
    state = 15 * 2 * 4 * 64 * 64 * 64 * 64 * (1 + 4 + 1 + 4) * 3
    assert FlopCount().of_step(case) == pytest.approx(114.9e9 - state / 15, rel=0.01)


def test_twice_the_steps_are_twice_the_training(small_run):
    count = FlopCount()
    once, twice = (count.of_run(changed(small_run, {"training.steps": steps})) for steps in (10, 20))
    assert twice - once == 10 * small_run.training.batch * count.of_step(small_run)


def test_a_floor_costs_no_training(small_run):
    assert FlopCount().of_run(changed(small_run, {"model": {"kind": "persistence"}})) == 0


def test_this_machine_does_some_arithmetic_in_a_second(small_run):
    assert _flop_a_second(small_run, FlopCount()) > 0


def test_a_study_takes_its_runs_over_the_slots(small_study):
    study = small_study()
    cost = estimate(study, slots=2)
    assert len(cost.run_seconds) == len(study.cells)
    assert cost.study_seconds == pytest.approx(sum(cost.run_seconds) * len(study.seeds) / 2)


@pytest.mark.parametrize(
    "change",
    [
        {"model.activation": "relu"},
        {"model.forget_bias": 0.0},
        {"model.normalization": {"kind": "layer"}},
        {"loss": {"kind": "mse"}},
        {"data.binarize": 128},
        {"training.steps": 400},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_no_convolution_is_not_counted_again(small_run, monkeypatch, change):
    count = FlopCount()
    once = count.of_step(small_run)
    monkeypatch.setattr(cost, "_step_flop", lambda run: pytest.fail(f"counted again: {run}"))
    assert count.of_step(changed(small_run, change)) == once


@pytest.mark.parametrize(
    "change",
    [
        {"model.filters": 4},
        {"model.state_kernel_size": 5},
        {"data.frame_size": 24},
        {"training.scheme": {"kind": "rollout", "context": 3, "horizon": 3}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_shape_is_counted_by_itself(small_run, change):
    count = FlopCount()
    count.of_step(small_run)
    larger = changed(small_run, change)
    assert count.of_step(larger) == FlopCount().of_step(larger) != count.of_step(small_run)
