import json
import math

import numpy as np
import pytest
import torch

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics import score
from ablate.measurement.scoring import scores as scoring
from ablate.measurement.scoring.scores import score_forecast
from ablate.measurement.scoring.summary import document, strongest_and_weakest, summarize

BEFORE, STEPS = 6, 7
GHOST = 0.3


@pytest.fixture(scope="module")
def clips():
    return MovingMNIST(frame_size=32, binarize=128).build(seed=0).held_out(9, BEFORE + STEPS)


@pytest.fixture(scope="module")
def target(clips):
    return clips[:, BEFORE:]


@pytest.fixture(scope="module")
def history(clips):
    return clips[:, :BEFORE]


@pytest.fixture(scope="module")
def ghost(clips):
    past = np.maximum.accumulate(clips, axis=1)[:, BEFORE - 1 : -1]
    return np.maximum(clips[:, BEFORE:], np.rint(GHOST * past).astype(np.uint8))


def assert_same(found, expected):
    assert found.alignment.mse_by_offset == pytest.approx(expected.alignment.mse_by_offset)
    assert found.alignment.best_offset == expected.alignment.best_offset
    for name, values in expected.metrics.items():
        np.testing.assert_allclose(found.metrics[name], values, rtol=1e-5, atol=1e-6)


def test_the_measures_are_those_of_the_metrics(ghost, target, history):
    expected = score(*(array.astype(np.float32) / 255 for array in (ghost, target, history)))
    found = score_forecast(ghost, target, history).metrics
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values)


def test_floats_and_tensors_score_as_uint8_does(ghost, target, history):
    expected = score_forecast(ghost, target, history)
    floats = [array / 255 for array in (ghost, target, history)]
    assert_same(score_forecast(*floats), expected)
    forecast, frames, before = map(torch.from_numpy, floats)
    assert_same(score_forecast(forecast, frames, before), expected)


def test_chunks_of_clips_score_as_all_together(ghost, target, history, monkeypatch):
    expected = score_forecast(ghost, target, history)
    monkeypatch.setattr(scoring, "CHUNK", 1)
    assert_same(score_forecast(ghost, target, history), expected)


def test_the_number_of_threads_changes_nothing(ghost, target, history, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 1)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(scoring, "_cores", lambda cores=cores: cores)
        found.append(score_forecast(ghost, target, history))
    assert found[0].alignment == found[1].alignment
    for name, values in found[0].metrics.items():
        np.testing.assert_array_equal(found[1].metrics[name], values)


def test_progress_counts_the_clips_up_to_all(ghost, target, history, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 4 * (BEFORE + STEPS) * 32 * 32)
    told = []
    score_forecast(ghost, target, history, lambda done, total: told.append((done, total)))
    assert told == [(4, 9), (8, 9), (9, 9)]


def test_without_a_history_the_first_step_has_no_ghost_ratio(ghost, target):
    ratio = score_forecast(ghost, target).metrics["ghost_ratio"]
    assert np.isnan(ratio[:, 0]).all()
    assert not np.isnan(ratio[:, -1]).any()


def test_shapes_that_do_not_belong_together_are_refused(ghost, target, history):
    with pytest.raises(ValueError, match="must have one shape"):
        score_forecast(ghost[:, 1:], target, history)


def test_the_summary_recovers_a_planted_ghost(ghost, target, history):
    ratio = summarize(score_forecast(ghost, target, history)).curves["ghost_ratio"]
    assert ratio.mean == pytest.approx(GHOST, rel=0.05)
    assert ratio.low <= ratio.mean <= ratio.high
    assert ratio.per_step == pytest.approx([GHOST] * STEPS, rel=0.05)


def test_a_mean_is_over_clips_of_each_clips_mean(ghost, target, history):
    scores = score_forecast(ghost, target, history)
    mean = summarize(scores).curves["mse"].mean
    assert mean == pytest.approx(np.mean([clip.mean() for clip in scores.metrics["mse"]]))


def test_undefined_frames_are_counted(target, history):
    blank = np.zeros_like(target)
    summary = summarize(score_forecast(blank, target, history))
    assert summary.undefined == 9 * STEPS
    assert math.isnan(summary.curves["ghost_ratio"].mean)


def test_the_strongest_clips_come_first_and_are_not_among_the_weakest():
    ratios = np.array([[0.2], [np.nan], [0.9], [0.1], [0.5]])
    assert strongest_and_weakest(ratios, 2) == ((2, 4), (3, 0))


def test_few_clips_are_shared_between_both_ends():
    assert strongest_and_weakest(np.array([[0.2], [0.4], [0.3]]), 2) == ((1, 2), (0,))


def test_clips_without_a_ghost_ratio_are_at_neither_end():
    assert strongest_and_weakest(np.full((3, 2), np.nan), 2) == ((), ())


def said(forecast, target, history):
    return " ".join(summarize(score_forecast(forecast, target, history)).sentences)


def test_a_ghost_is_called_one(ghost, target, history):
    words = said(ghost, target, history)
    assert "There is a ghost" in words
    assert "does not fade" in words


def test_the_truth_has_none(target, history):
    assert "There is no relevant ghost" in said(target, target, history)


@pytest.mark.parametrize(("late", "words"), [(2, "shown 2 frames late"), (1, "one frame apart")])
def test_panels_of_another_time_are_not_taken_for_a_ghost(clips, target, history, late, words):
    told = said(clips[:, BEFORE - late : -late], target, history)
    assert words in told
    assert "Do not read the ghost ratio" in told
    assert "There is a ghost" not in told
    assert "The digits keep" not in told


def test_a_held_frame_is_not_taken_for_a_ghost(history, target):
    told = said(np.repeat(history[:, -1:], STEPS, axis=1), target, history)
    assert "repeats the last frame" in told
    assert "There is a ghost" not in told


def test_a_faded_forecast_is_told(target, history):
    assert "The digits keep 30 %" in said(0.3 * target / 255, target / 255, history / 255)


def test_an_undefined_ghost_is_called_that(target, history):
    assert "undefined" in said(np.zeros_like(target), target, history)


def test_few_clips_are_told(ghost, target, history):
    assert "1 clip: too few" in said(ghost[:1], target[:1], history[:1])


def test_the_document_names_its_conventions(ghost, target, history):
    conventions = document(summarize(score_forecast(ghost, target, history)))["conventions"]
    assert "0.5" in conventions["lit"]
    assert "2 pixels" in conventions["margin"]


def test_the_document_writes_what_is_undefined_as_null(target, history):
    found = json.loads(json.dumps(document(summarize(score_forecast(0 * target, target, history))), allow_nan=False))
    assert found["ghost_ratio"] == {"mean": None, "low": None, "high": None, "per_step": [None] * STEPS}
    assert found["signal_retention"]["mean"] == 0
    assert found["alignment"]["best_offset"] == 0
    assert (found["clips"], found["steps"], found["undefined"]) == (9, STEPS, 9 * STEPS)


def test_the_document_has_an_interval_beside_every_mean(ghost, target, history):
    found = document(summarize(score_forecast(ghost, target, history)))
    for name in ("ghost_ratio", "signal_retention", "mse", "mae", "psnr", "ssim", "ssim_openstl"):
        assert found[name]["low"] <= found[name]["mean"] <= found[name]["high"]
    assert found["visible_share_low"] <= found["visible_share"] <= found["visible_share_high"]


def test_a_forecast_that_lags_keeps_its_ghost_ratio(clips, target, history):
    told = said((0.5 * target + 0.6 * clips[:, BEFORE - 1 : -1]).clip(0, 255) / 255, target / 255, history / 255)
    assert "the forecast itself is about 1 frame late" in told
    assert "Do not read the ghost ratio" not in told
