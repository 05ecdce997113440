"""An interrupted training that continues ends with the same numbers as an uninterrupted one."""

import pandas as pd
import pytest
import torch

from ablate.components.schemes.objective import teacher_forced_loss
from ablate.study import RunSpec, changed
from ablate.training.fit import fit

CPU = torch.device("cpu")
SCHEDULED = {"training.scheme": {"kind": "scheduled_sampling", "context": 3, "horizon": 3}}
ENDLESS = {"data.train_clips": None}


@pytest.fixture(autouse=True)
def _kept_at_every_step(monkeypatch):
    monkeypatch.setattr("ablate.training.resume.SAVE_SECONDS", 0.0)


@pytest.fixture
def run(small_run) -> RunSpec:
    return changed(small_run, {"training.steps": 8})


class CutOffError(Exception):
    """Represents anything that ends a process."""


def train(run, state_file=None, cut_off_at=None):
    def observe(step, *_):
        if step == cut_off_at:
            raise CutOffError

    return fit(run, run.data.build(run.seed), CPU, observe, state_file)


def cut_off(run, state_file, at=6):
    with pytest.raises(CutOffError):
        train(run, state_file, at)


@pytest.mark.parametrize("change", [{}, SCHEDULED, ENDLESS], ids=["epochs", "scheduled sampling", "endless"])
def test_a_continued_training_ends_with_the_same_numbers(run, tmp_path, change):
    run = changed(run, change)
    cut_off(run, tmp_path / "state")
    resumed, uninterrupted = train(run, tmp_path / "state"), train(run)
    assert resumed.resumed_after == 5
    pd.testing.assert_frame_equal(resumed.curve, uninterrupted.curve, check_exact=True)
    for name, weight in uninterrupted.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], weight)


def test_it_says_how_long_the_earlier_attempt_took(run, tmp_path):
    cut_off(run, tmp_path / "state")
    assert train(run, tmp_path / "state").earlier_seconds > 0


def test_the_observer_gets_the_curve_from_its_start(run, tmp_path):
    cut_off(run, tmp_path / "state")
    steps = []
    fit(run, run.data.build(run.seed), CPU, lambda step, *_: steps.append(step), tmp_path / "state")
    assert {2, 4, 6, 8} <= set(steps)


@pytest.mark.parametrize("left", [b"", b"no training", b"PK\x03\x04 cut off"])
def test_a_damaged_state_is_ignored(run, tmp_path, left):
    (tmp_path / "state").write_bytes(left)
    assert train(run, tmp_path / "state").resumed_after == 0


def test_the_state_of_another_run_is_ignored(run, tmp_path):
    cut_off(run, tmp_path / "state")
    assert train(changed(run, {"model.filters": 3}), tmp_path / "state").resumed_after == 0


def test_code_in_a_state_is_not_executed(run, tmp_path):
    class Code:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    torch.save({"of": Code()}, tmp_path / "state")
    assert train(run, tmp_path / "state").resumed_after == 0
    assert not (tmp_path / "written").exists()


def test_a_short_training_writes_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setattr("ablate.training.resume.SAVE_SECONDS", 60.0)
    train(run, tmp_path / "state")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def _memory_for_two_clips(monkeypatch):
    objective = teacher_forced_loss

    def scarce(loss, model, clips, *arguments):
        if len(clips) > 2 and torch.is_grad_enabled():
            raise torch.OutOfMemoryError
        return objective(loss, model, clips, *arguments)

    monkeypatch.setattr("ablate.components.schemes.objective.teacher_forced_loss", scarce)


@pytest.mark.usefixtures("_memory_for_two_clips")
def test_a_batch_that_does_not_fit_into_memory_is_split_into_micro_batches(run):
    assert train(run).micro_batches == 2


def test_micro_batches_train_as_a_whole_batch_does(run, request):
    whole_batch = train(run)
    request.getfixturevalue("_memory_for_two_clips")
    accumulated = train(run)
    assert accumulated.curve["loss"].to_numpy() == pytest.approx(whole_batch.curve["loss"].to_numpy(), rel=1e-5)
    for name, weight in whole_batch.model.state_dict().items():
        torch.testing.assert_close(accumulated.model.state_dict()[name], weight, rtol=1e-4, atol=1e-5)


def test_memory_that_does_not_hold_one_clip_is_an_error(run, monkeypatch):
    def none(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr("ablate.components.schemes.objective.teacher_forced_loss", none)
    with pytest.raises(torch.OutOfMemoryError):
        train(run)
