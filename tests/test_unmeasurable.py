"""A run whose response is defined in too few frames: its outcome, its reason in words, and what it takes no part in."""

import math
from dataclasses import replace
from itertools import product

import pandas as pd
import pytest

from ablate.analysis import StudyResponse, StudyTable, analyze
from ablate.analysis.study_table import with_responses
from ablate.analysis.unmeasurable import unmeasurable_reason
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.settings import InferenceSettings
from ablate.measurement.metrics import METRICS
from ablate.measurement.run_mean import step_sums
from ablate.storage.records import SCORE_COLUMNS

CLIPS, STEPS = 10, 2
SCOPE = ("rollout", 1, STEPS)
FACTOR = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
OTHER = FactorLevels("kernel", "kernel", ("3", "1"), "3")


def run_sums(ghost=0.1, *, defined=CLIPS, without_path=0, signal=0.3, metric="ghost_ratio", steps=STEPS):
    """Return the sums of a run whose metric is defined in the first `defined` of its clips.

    The last `without_path` clips have no pixel that a digit has left, so that no share of it is visible.
    """
    frames = list(product(range(CLIPS), range(1, steps + 1)))
    rows = [("rollout", clip, step, metric, ghost if clip < defined else math.nan) for clip, step in frames]
    has_path = CLIPS - without_path
    rows += [("rollout", clip, step, "visible_share", 0.2 if clip < has_path else math.nan) for clip, step in frames]
    rows += [("rollout", clip, step, "signal_retention", signal) for clip, step in frames]
    return step_sums(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def reason(sums, metric="ghost_ratio", floor=0.5):
    return unmeasurable_reason(sums, METRICS[metric], SCOPE, floor)


def study(run, seeds=range(6), floor=0.5, *, exploratory=False, ended=None, factors=(FACTOR, OTHER)):
    """Return the table of a 2 x 2 study; `run` gives the sums of a run from its levels and seed."""
    rows, sums = [], {}
    for loss, kernel, seed in product(FACTOR.levels, OTHER.levels, seeds):
        run_id = f"{loss}-{kernel}-{seed}"
        outcome = (ended or {}).get(run_id, "finished")
        rows.append((run_id, loss, kernel, seed, outcome, ""))
        if outcome == "finished":
            sums[run_id] = run(loss, kernel, seed)
    columns = ["run_id", "loss", "kernel", "seed", "outcome", "message"]
    return StudyTable(
        question="Which?",
        exploratory=exploratory,
        factors=factors,
        response=StudyResponse(METRICS["ghost_ratio"], *SCOPE, floor),
        runs=pd.DataFrame(rows, columns=columns),
        sums=sums,
    )


def faint_mse(loss, kernel, seed):
    """Return a run with a small ghost; with "mse" and an even seed, in one frame of ten only, where it is smallest."""
    if loss == "mse" and seed % 2 == 0:
        return run_sums(-1.0, defined=1)
    return run_sums(0.1 + 0.01 * seed + 0.003 * (kernel == "1") * (seed % 3))


def analysis(run=faint_mse, **changes):
    return analyze(study(run, **changes), InferenceSettings())


def test_the_reason_names_the_share_the_floor_and_faint_digits():
    assert reason(run_sums(defined=3)) == (
        "the ghost ratio is defined in 30 % of its frames (6 of 20); the plan asks for 50 %; in the others the digits "
        "do not stand out: on average they keep 30 % of their brightness"
    )


def test_the_reason_names_a_missing_path():
    assert reason(run_sums(defined=1, without_path=9)).endswith(
        "in most of the others no digit has left a pixel, so there is no earlier position to look at"
    )


def test_the_reason_names_a_lag_that_no_pixel_has():
    lag = run_sums(defined=2, metric="trail_lag_07")
    ghost = lag[lag["metric"] == "trail_lag_07"].assign(metric="ghost_ratio", defined=CLIPS)
    assert reason(pd.concat([lag, ghost]), "trail_lag_07").endswith(
        "in most of the others no pixel was left by a digit 7 steps ago"
    )


def test_the_reason_of_another_metric_guesses_no_cause():
    assert reason(run_sums(defined=2, metric="psnr"), "psnr").endswith("(4 of 20); the plan asks for 50 %")


def test_a_mean_that_is_not_finite_is_a_reason():
    assert reason(run_sums(math.inf, metric="mse"), "mse") == (
        f"the mean {METRICS['mse'].title} is not a finite number"
    )


def test_only_runs_below_the_floor_are_unmeasurable_and_lose_their_response():
    table = study(lambda loss, *_: run_sums(defined=5 if loss == "bce" else 4))
    runs = with_responses(table.runs, table.sums, table.response)
    is_lost = (runs["loss"] == "mse").tolist()
    assert (runs["outcome"] == "unmeasurable").tolist() == is_lost
    assert runs["response"].isna().tolist() == is_lost
    assert runs["message"][runs["loss"] == "mse"].str.startswith("the ghost ratio is defined in 40 %").all()
    assert (runs["message"][runs["loss"] == "bce"] == "").all()


def test_the_floor_of_the_plan_decides():
    table = study(lambda *_: run_sums(defined=2), floor=0.2)
    assert analyze(table, InferenceSettings()).outcomes.finished == 24
    lower = replace(table, response=replace(table.response, measurable_from=0.21))
    counts = analyze(lower, InferenceSettings()).outcomes
    assert (counts.finished, counts.unmeasurable, counts.planned) == (0, 24, 24)


def test_every_run_is_counted_once():
    counts = analysis(ended={"bce-3-0": "diverged", "bce-3-1": "failed", "mse-1-5": "excluded"}).outcomes
    assert (counts.finished, counts.unmeasurable, counts.diverged, counts.failed, counts.excluded) == (15, 6, 1, 1, 1)
    assert counts.planned == 24


def test_an_unmeasurable_run_is_neither_best_nor_worst():
    best = analysis().best
    assert best is not None
    assert best.response == pytest.approx(0.1)
    nothing = analysis(lambda *_: run_sums(-1.0, defined=1))
    assert (nothing.best, nothing.worst) == (None, None)


def test_an_unmeasurable_run_takes_part_in_no_mean():
    result = analysis()
    cell = next(cell for cell in result.cells if cell.levels == {"loss": "mse", "kernel": "3"})
    assert (cell.defined, cell.planned) == (3, 6)
    assert cell.mean == pytest.approx((0.11 + 0.13 + 0.15) / 3)
    curve = next(curve for curve in result.curves if curve.levels == cell.levels)
    assert list(curve.values) == pytest.approx([cell.mean] * STEPS)  # a tuple
    measured = [0.1 + 0.01 * seed for seed in (*range(6), 1, 3, 5)]
    with_kernel_1 = [value + 0.003 * (seed % 3) for value, seed in zip(measured, (*range(6), 1, 3, 5), strict=True)]
    assert result.views[0].means["ghost_ratio"] == pytest.approx(sum(measured + with_kernel_1) / 18)


def test_a_mean_over_some_frames_has_their_share():
    result = analysis(lambda *_: run_sums(defined=8))
    assert result.cells[0].defined_share == {"ghost_ratio": pytest.approx(0.8)}
    assert result.curves[0].defined_share == pytest.approx([0.8] * STEPS)
    assert result.views[0].defined_share == {"ghost_ratio": pytest.approx(0.8)}
    assert result.best is not None
    assert (result.best.defined_share, result.runs[0].defined_share) == (pytest.approx(0.8), pytest.approx(0.8))
    assert any("undefined in 20 % of all frames" in warning for warning in result.warnings)
    assert any("frames that happen to be defined" in warning for warning in result.warnings)


def test_a_step_that_few_clips_define_has_no_mean():
    sums = run_sums(0.2, steps=3)
    few = (sums["metric"] == "ghost_ratio") & (sums["step"] == 3)
    sums.loc[few, ["defined", "total"]] = [1, -1.0]
    curve = analysis(lambda *_: sums).curves[0]
    assert list(curve.values) == pytest.approx([0.2, 0.2, math.nan], nan_ok=True)  # a tuple


def test_unmeasurable_runs_are_lost_by_their_response_and_bound_the_effects():
    result = analysis()
    assert any("6 of 24 runs were lost because of their response (6 unmeasurable)" in w for w in result.warnings)
    verdict = next(verdict for verdict in result.inference.verdicts if verdict.factor == "loss")
    (bounds,) = verdict.bounds
    assert bounds.lost == {"bce": 0, "mse": 0.5}
    diverged = {f"mse-{kernel}-{seed}": "diverged" for kernel in OTHER.levels for seed in (0, 2, 4)}
    as_diverged = next(v for v in analysis(ended=diverged).inference.verdicts if v.factor == "loss")
    assert as_diverged.bounds == verdict.bounds


def test_without_any_response_the_analysis_says_what_to_change():
    (advice,) = [w for w in analysis(lambda *_: run_sums(defined=0)).warnings if w.startswith("Nothing could")]
    assert "no run has a ghost ratio (24 of 24 unmeasurable)" in advice
    assert "base.training.steps" in advice
    assert "response.measurable_from below 50 %" in advice
    assert "diverged" not in advice
