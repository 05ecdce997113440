import json
import math

import numpy as np
import pytest
import torch

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics import score
from ablate.measurement.scoring import scores as scoring
from ablate.measurement.scoring.document import document
from ablate.measurement.scoring.extreme_clips import strongest_and_weakest
from ablate.measurement.scoring.scores import score_forecast
from ablate.measurement.scoring.summary import summarise

BEFORE, STEPS = 6, 7
GHOST = 0.3


@pytest.fixture(scope="module")
def clips():
    return MovingMNIST(canvas=32, binarise=128).build(seed=0).held_out(9, BEFORE + STEPS)


@pytest.fixture(scope="module")
def truth(clips):
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
    for name, values in expected.measures.items():
        np.testing.assert_allclose(found.measures[name], values, rtol=1e-5, atol=1e-6)


def test_the_measures_are_those_of_the_metrics(ghost, truth, history):
    expected = score(*(array.astype(np.float32) / 255 for array in (ghost, truth, history)))
    found = score_forecast(ghost, truth, history).measures
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values)


def test_floats_and_tensors_score_as_uint8_does(ghost, truth, history):
    expected = score_forecast(ghost, truth, history)
    floats = [array / 255 for array in (ghost, truth, history)]
    assert_same(score_forecast(*floats), expected)
    assert_same(score_forecast(*map(torch.from_numpy, floats)), expected)


def test_chunks_of_clips_score_as_all_together(ghost, truth, history, monkeypatch):
    expected = score_forecast(ghost, truth, history)
    monkeypatch.setattr(scoring, "CHUNK", 1)
    assert_same(score_forecast(ghost, truth, history), expected)


def test_the_number_of_threads_changes_nothing(ghost, truth, history, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 1)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(scoring, "_cores", lambda cores=cores: cores)
        found.append(score_forecast(ghost, truth, history))
    assert found[0].alignment == found[1].alignment
    for name, values in found[0].measures.items():
        np.testing.assert_array_equal(found[1].measures[name], values)


def test_progress_counts_the_clips_up_to_all(ghost, truth, history, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 4 * (BEFORE + STEPS) * 32 * 32)
    told = []
    score_forecast(ghost, truth, history, lambda done, total: told.append((done, total)))
    assert told == [(4, 9), (8, 9), (9, 9)]


def test_without_a_history_the_first_step_has_no_ghost_ratio(ghost, truth):
    ratio = score_forecast(ghost, truth).measures["ghost_ratio"]
    assert np.isnan(ratio[:, 0]).all()
    assert not np.isnan(ratio[:, -1]).any()


def test_shapes_that_do_not_belong_together_are_refused(ghost, truth, history):
    with pytest.raises(ValueError, match="must have one shape"):
        score_forecast(ghost[:, 1:], truth, history)


def test_the_summary_recovers_a_planted_ghost(ghost, truth, history):
    ratio = summarise(score_forecast(ghost, truth, history)).curves["ghost_ratio"]
    assert ratio.mean == pytest.approx(GHOST, rel=0.05)
    assert ratio.low <= ratio.mean <= ratio.high
    assert ratio.per_step == pytest.approx([GHOST] * STEPS, rel=0.05)


def test_a_mean_is_over_clips_of_each_clips_mean(ghost, truth, history):
    scores = score_forecast(ghost, truth, history)
    mean = summarise(scores).curves["mse"].mean
    assert mean == pytest.approx(np.mean([clip.mean() for clip in scores.measures["mse"]]))


def test_undefined_frames_are_counted(truth, history):
    blank = np.zeros_like(truth)
    summary = summarise(score_forecast(blank, truth, history))
    assert summary.undefined == 9 * STEPS
    assert math.isnan(summary.curves["ghost_ratio"].mean)


def test_the_strongest_clips_come_first_and_are_not_among_the_weakest():
    ratios = np.array([[0.2], [np.nan], [0.9], [0.1], [0.5]])
    assert strongest_and_weakest(ratios, 2) == ((2, 4), (3, 0))


def test_few_clips_are_shared_between_both_ends():
    assert strongest_and_weakest(np.array([[0.2], [0.4], [0.3]]), 2) == ((1, 2), (0,))


def test_clips_without_a_ghost_ratio_are_at_neither_end():
    assert strongest_and_weakest(np.full((3, 2), np.nan), 2) == ((), ())


def said(forecast, truth, history):
    return " ".join(summarise(score_forecast(forecast, truth, history)).sentences)


def test_a_ghost_is_called_one(ghost, truth, history):
    words = said(ghost, truth, history)
    assert "There is a ghost" in words
    assert "does not fade" in words


def test_the_truth_has_none(truth, history):
    assert "There is no ghost" in said(truth, truth, history)


@pytest.mark.parametrize(("late", "words"), [(2, "shown 2 frames late"), (1, "one frame apart")])
def test_panels_of_another_time_are_not_taken_for_a_ghost(clips, truth, history, late, words):
    told = said(clips[:, BEFORE - late : -late], truth, history)
    assert words in told
    assert "not to be taken for a ghost" in told
    assert "There is a ghost" not in told
    assert "The digits keep" not in told


def test_a_held_frame_is_not_taken_for_a_ghost(history, truth):
    told = said(np.repeat(history[:, -1:], STEPS, axis=1), truth, history)
    assert "repeats the last frame" in told
    assert "There is a ghost" not in told


def test_a_faded_forecast_is_told(truth, history):
    assert "The digits keep 30 %" in said(0.3 * truth / 255, truth / 255, history / 255)


def test_an_undefined_ghost_is_called_that(truth, history):
    assert "undefined" in said(np.zeros_like(truth), truth, history)


def test_few_clips_are_told(ghost, truth, history):
    assert "1 clip: too few" in said(ghost[:1], truth[:1], history[:1])


def test_the_document_names_its_conventions(ghost, truth, history):
    conventions = document(summarise(score_forecast(ghost, truth, history)))["conventions"]
    assert "0.5" in conventions["lit"]
    assert "2 pixels" in conventions["margin"]


def test_the_document_writes_what_is_undefined_as_null(truth, history):
    found = json.loads(json.dumps(document(summarise(score_forecast(0 * truth, truth, history))), allow_nan=False))
    assert found["ghost_ratio"] == {"mean": None, "low": None, "high": None, "per_step": [None] * STEPS}
    assert found["signal_retention"]["mean"] == 0
    assert found["alignment"]["best_offset"] == 0
    assert (found["clips"], found["steps"], found["undefined"]) == (9, STEPS, 9 * STEPS)


def test_the_document_has_an_interval_beside_every_mean(ghost, truth, history):
    found = document(summarise(score_forecast(ghost, truth, history)))
    for name in ("ghost_ratio", "signal_retention", "mse", "mae", "psnr", "ssim", "ssim_openstl"):
        assert found[name]["low"] <= found[name]["mean"] <= found[name]["high"]
    assert found["visible_share_low"] <= found["visible_share"] <= found["visible_share_high"]


def test_a_forecast_that_lags_keeps_its_ghost_ratio(clips, truth, history):
    told = said((0.5 * truth + 0.6 * clips[:, BEFORE - 1 : -1]).clip(0, 255) / 255, truth / 255, history / 255)
    assert "it runs about 1 frame late" in told
    assert "not to be taken for a ghost" not in told
