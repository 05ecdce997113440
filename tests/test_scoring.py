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


def assert_same(scores, expected):
    assert scores.alignment.mse_by_offset == pytest.approx(expected.alignment.mse_by_offset)
    assert scores.alignment.best_offset == expected.alignment.best_offset
    for name, values in expected.metrics.items():
        np.testing.assert_allclose(scores.metrics[name], values, rtol=1e-5, atol=1e-6)


def test_a_forecast_has_the_scores_of_every_metric(ghost, target, history):
    expected = score(*(array.astype(np.float32) / 255 for array in (ghost, target, history)))
    scores = score_forecast(ghost, target, history).metrics
    assert list(scores) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(scores[name], values)


def test_floats_and_tensors_have_the_scores_of_uint8(ghost, target, history):
    expected = score_forecast(ghost, target, history)
    floats = [array / 255 for array in (ghost, target, history)]
    assert_same(score_forecast(*floats), expected)
    forecast, frames, before = map(torch.from_numpy, floats)
    assert_same(score_forecast(forecast, frames, before), expected)


def test_chunks_of_clips_have_the_scores_of_all_clips(ghost, target, history, monkeypatch):
    expected = score_forecast(ghost, target, history)
    monkeypatch.setattr(scoring, "CHUNK", 1)
    assert_same(score_forecast(ghost, target, history), expected)


def test_the_number_of_threads_changes_nothing(ghost, target, history, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 1)
    scores = []
    for cores in (1, 3):
        monkeypatch.setattr(scoring, "_cores", lambda cores=cores: cores)
        scores.append(score_forecast(ghost, target, history))
    assert scores[0].alignment == scores[1].alignment
    for name, values in scores[0].metrics.items():
        np.testing.assert_array_equal(scores[1].metrics[name], values)


def test_progress_counts_the_clips_up_to_all(ghost, target, history, monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", 4 * (BEFORE + STEPS) * 32 * 32)
    calls = []
    score_forecast(ghost, target, history, lambda done, total: calls.append((done, total)))
    assert calls == [(4, 9), (8, 9), (9, 9)]


def test_without_a_history_the_first_step_has_no_ghost_ratio(ghost, target):
    ratio = score_forecast(ghost, target).metrics["ghost_ratio"]
    assert np.isnan(ratio[:, 0]).all()
    assert not np.isnan(ratio[:, -1]).any()


def test_shapes_that_do_not_match_are_refused(ghost, target, history):
    with pytest.raises(ValueError, match="must have one shape"):
        score_forecast(ghost[:, 1:], target, history)


def test_the_summary_recovers_a_planted_ghost(ghost, target, history):
    ratio = summarize(score_forecast(ghost, target, history)).curves["ghost_ratio"]
    assert ratio.mean == pytest.approx(GHOST, rel=0.05)
    assert ratio.low <= ratio.mean <= ratio.high
    assert ratio.per_step == pytest.approx([GHOST] * STEPS, rel=0.05)


def test_a_mean_is_the_mean_of_the_clips_means(ghost, target, history):
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


def test_few_clips_are_divided_between_both_ends():
    assert strongest_and_weakest(np.array([[0.2], [0.4], [0.3]]), 2) == ((1, 2), (0,))


def test_clips_without_a_ghost_ratio_are_at_neither_end():
    assert strongest_and_weakest(np.full((3, 2), np.nan), 2) == ((), ())


def sentences_of(forecast, target, history):
    return " ".join(summarize(score_forecast(forecast, target, history)).sentences)


def test_a_ghost_is_reported(ghost, target, history):
    words = sentences_of(ghost, target, history)
    assert "There is a ghost" in words
    assert "does not fade" in words


def test_the_target_itself_has_no_relevant_ghost(target, history):
    assert "There is no relevant ghost" in sentences_of(target, target, history)


@pytest.mark.parametrize(("late", "words"), [(2, "shown 2 frames late"), (1, "one frame apart")])
def test_displaced_panels_are_not_called_a_ghost(clips, target, history, late, words):
    sentences = sentences_of(clips[:, BEFORE - late : -late], target, history)
    assert words in sentences
    assert "Do not read the ghost ratio" in sentences
    assert "There is a ghost" not in sentences
    assert "The digits keep" not in sentences


def test_a_held_frame_is_not_called_a_ghost(history, target):
    sentences = sentences_of(np.repeat(history[:, -1:], STEPS, axis=1), target, history)
    assert "repeats the last frame" in sentences
    assert "There is a ghost" not in sentences


def test_a_faded_forecast_is_reported(target, history):
    assert "The digits keep 30 %" in sentences_of(0.3 * target / 255, target / 255, history / 255)


def test_an_undefined_ghost_ratio_is_reported(target, history):
    assert "undefined" in sentences_of(np.zeros_like(target), target, history)


def test_a_ghost_ratio_of_few_frames_is_not_called_a_ghost(ghost, target, history):
    faded = ghost.copy()
    faded[:, 1:] = 0
    sentences = sentences_of(faded, target, history)
    share = 100 / STEPS
    assert f"cannot be measured: only {share:.2g} % of the forecast frames define it" in sentences
    assert "There is a ghost" not in sentences


def test_a_mean_over_some_frames_says_so(ghost, target, history):
    faded = ghost.copy()
    faded[:, -1] = 0
    summary = summarize(score_forecast(faded, target, history))
    assert summary.curves["ghost_ratio"].defined_share == pytest.approx(1 - 1 / STEPS)
    assert summary.curves["ghost_ratio"].defined_share_per_step == (*[1.0] * (STEPS - 1), 0.0)
    assert f"undefined in 9 of {9 * STEPS} forecast frames. Its means are over the frames that happen" in " ".join(
        summary.sentences
    )
    assert document(summary)["ghost_ratio"]["defined_share"] == pytest.approx(1 - 1 / STEPS)


def test_few_clips_are_a_caveat(ghost, target, history):
    assert "1 clip: too few" in sentences_of(ghost[:1], target[:1], history[:1])


def test_the_document_names_its_conventions(ghost, target, history):
    conventions = document(summarize(score_forecast(ghost, target, history)))["conventions"]
    assert "0.5" in conventions["lit"]
    assert "2 pixels" in conventions["margin"]


def test_the_document_writes_what_is_undefined_as_null(target, history):
    scores = json.loads(json.dumps(document(summarize(score_forecast(0 * target, target, history))), allow_nan=False))
    assert scores["ghost_ratio"] == {
        "mean": None,
        "low": None,
        "high": None,
        "per_step": [None] * STEPS,
        "defined_share": 0,
    }
    assert scores["signal_retention"]["mean"] == 0
    assert scores["alignment"]["best_offset"] == 0
    assert (scores["clips"], scores["steps"], scores["undefined"]) == (9, STEPS, 9 * STEPS)


def test_the_document_has_an_interval_beside_every_mean(ghost, target, history):
    scores = document(summarize(score_forecast(ghost, target, history)))
    for name in ("ghost_ratio", "signal_retention", "mse", "mae", "psnr", "ssim", "ssim_openstl"):
        assert scores[name]["low"] <= scores[name]["mean"] <= scores[name]["high"]
    assert scores["visible_share_low"] <= scores["visible_share"] <= scores["visible_share_high"]


def test_a_late_forecast_keeps_its_ghost_ratio(clips, target, history):
    sentences = sentences_of(
        (0.5 * target + 0.6 * clips[:, BEFORE - 1 : -1]).clip(0, 255) / 255, target / 255, history / 255
    )
    assert "the forecast itself is about 1 frame late" in sentences
    assert "Do not read the ghost ratio" not in sentences
