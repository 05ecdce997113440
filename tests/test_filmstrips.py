"""The frames of a report: which pair of runs is shown, and what its pixels mean."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from ablate.analysis.matched_runs import AnalyzedRun, contexts_of, typical_pair
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Effect
from ablate.report.filmstrips import film, steps_shown

KERNEL = FactorLevels("kernel", "kernel", ("3", "1"), "3")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")


def effect(level="1", baseline="3", trend=None):
    return Effect("kernel", "1 - 3", level, baseline, trend, 0.2, 0.1, 0.3, 0.01, 0.01, 6.0, 3, 12, 1.0, 0.9, None, ())


def run(kernel, loss, seed, response):
    return AnalyzedRun(f"{kernel}-{loss}-{seed}", {"kernel": kernel, "loss": loss}, seed, "finished", response)


RUNS = (
    *(run("3", "bce", seed, 0.1) for seed in range(3)),
    *(run("1", "bce", seed, response) for seed, response in enumerate((0.9, 0.3, 0.2))),  # differences 0.8, 0.2, 0.1
    *(run(kernel, "mse", seed, 0.5) for kernel in ("3", "1") for seed in range(2)),
)
EVERY = {entry.run_id for entry in RUNS}


def shown_pair(runs=RUNS, usable=EVERY):
    """Return the levels' run and the baselines' run of the pair that is shown."""
    pair = typical_pair(runs, effect(), (KERNEL, LOSS), usable)
    assert pair is not None
    return pair


def decoded(content):
    """Return the gray values and the opacity of a PNG."""
    return np.moveaxis(np.array(Image.open(io.BytesIO(content)).convert("LA")), -1, 0)


def test_pairs_have_one_seed_and_equal_other_levels():
    contexts = contexts_of(RUNS, effect())
    assert [(dict(context.levels), len(context.pairs)) for context in contexts] == [
        ({"loss": "bce"}, 3),
        ({"loss": "mse"}, 2),
    ]
    assert [pair.difference for pair in contexts[0].pairs] == pytest.approx([0.8, 0.2, 0.1])
    for context in contexts:
        assert all(pair.level.seed == pair.baseline.seed for pair in context.pairs)


def test_a_trend_has_no_pairs():
    assert contexts_of(RUNS, effect(None, None, "linear")) == ()


def test_the_shown_pair_is_that_of_the_median_seed_at_the_baseline_of_all_other_factors():
    pair = shown_pair()
    assert (pair.level.run_id, pair.baseline.run_id) == ("1-bce-1", "3-bce-1")


def test_a_pair_without_pictures_is_not_shown_and_the_nearest_cell_takes_its_place():
    assert shown_pair(usable=EVERY - {"1-bce-1"}).level.run_id == "1-bce-2"
    only_mse = {run_id for run_id in EVERY if "mse" in run_id}
    assert shown_pair(usable=only_mse).level.levels["loss"] == "mse"
    assert typical_pair(RUNS, effect(), (KERNEL, LOSS), set()) is None


def test_a_pair_without_a_response_is_shown_only_where_no_pair_has_one():
    lost = tuple(run("1", "bce", 1, math.nan) if entry.run_id == "1-bce-1" else entry for entry in RUNS)
    assert shown_pair(lost).level.run_id != "1-bce-1"
    assert shown_pair(lost, {"1-bce-1", "3-bce-1"}).level.run_id == "1-bce-1"


def test_the_run_to_probe_is_the_one_with_the_larger_response():
    pair = shown_pair()
    assert pair.most.run_id == "1-bce-1"


def test_a_film_has_its_frames_side_by_side_on_the_scale_from_0_to_1_with_a_clear_column_between_them():
    frames = np.array([[[0, 51], [102, 255]], [[13, 0], [0, 0]]], np.uint8)
    gray, opacity = decoded(film(frames))
    assert gray[:, :2].tolist() == [[0, 51], [102, 255]]
    assert gray[:, 3:].tolist() == [[13, 0], [0, 0]]
    assert opacity.tolist() == [[255, 255, 0, 255, 255]] * 2


def test_a_stretched_film_draws_its_maximum_white_and_keeps_all_ratios():
    frames = np.array([[[0, 13], [33, 66]]], np.uint8)
    gray, _ = decoded(film(frames, 66 / 255))
    assert gray.tolist() == [[0, round(13 / 66 * 255)], [round(33 / 66 * 255), 255]]


def test_of_many_steps_six_are_shown_with_the_first_and_the_last():
    assert steps_shown(3) == [0, 1, 2]
    assert steps_shown(20)[0] == 0
    assert steps_shown(20)[-1] == 19
    assert len(steps_shown(20)) == 6
