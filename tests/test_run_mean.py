"""Scores summed by step, and the response of a run from these sums."""

import math

import pandas as pd
import pytest

from ablate.analysis.study_table import StudyResponse, with_responses
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import defined_share, mean, mean_score, measured_mean, step_sums
from ablate.storage.records import SCORE_COLUMNS

GHOST = Metric("ghost_ratio", "ghost ratio", "ratio", -2.0, 20.0, higher_is_better=False)
SIGNAL = Metric("signal_retention", "signal retention", "ratio", 0.0, 2.0, higher_is_better=None)
SCORES = pd.DataFrame(
    [
        ("rollout", 0, 1, "mse", 1.0),
        ("rollout", 1, 1, "mse", 3.0),
        ("rollout", 0, 2, "mse", math.nan),
        ("rollout", 1, 2, "mse", 8.0),
        ("one_step", 0, 1, "mse", 5.0),
    ],
    columns=SCORE_COLUMNS,
)


def sums(values) -> pd.DataFrame:
    """Lay out {(clip, step): ghost ratio}, with other metrics and views that must not be included."""
    rows = [("rollout", clip, step, "ghost_ratio", value) for (clip, step), value in values.items()]
    rows += [("one_step", 0, 1, "ghost_ratio", 99.0), ("rollout", 0, 1, "signal_retention", 0.8)]
    return step_sums(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def test_there_is_one_row_per_view_metric_and_step_in_order():
    rows = step_sums(SCORES).to_dict("split")["data"]
    assert rows == [
        ["rollout", "mse", 1, 4.0, 2, 2],
        ["rollout", "mse", 2, 8.0, 1, 2],
        ["one_step", "mse", 1, 5.0, 1, 1],
    ]


def test_the_mean_is_over_all_defined_frames():
    assert mean(step_sums(SCORES)) == pytest.approx(SCORES["value"].mean())


def test_the_mean_of_nothing_is_undefined():
    assert math.isnan(mean(step_sums(SCORES[:0])))


def test_the_mean_is_over_the_clips_and_steps_of_one_view():
    table = sums({(0, 1): 0.1, (0, 2): 0.2, (1, 1): 0.3, (1, 2): 0.6})
    assert mean_score(table, "ghost_ratio", "rollout", 1, 2) == pytest.approx(0.3)


def test_both_ends_of_the_steps_count():
    table = sums({(0, step): float(step) for step in range(1, 6)})
    assert mean_score(table, "ghost_ratio", "rollout", 2, 4) == pytest.approx(3)
    assert mean_score(table, "ghost_ratio", "rollout", 2, None) == pytest.approx(3.5)


def test_an_undefined_frame_is_left_out_and_counted():
    table = sums({(0, 1): 0.1, (0, 2): math.nan, (1, 1): 0.3, (1, 2): math.nan})
    assert mean_score(table, "ghost_ratio", "rollout", 1, None) == pytest.approx(0.2)
    assert defined_share(table, "ghost_ratio", "rollout", 1, None) == 0.5


@pytest.mark.parametrize(("floor", "measurable"), [(0, True), (0.3, True), (0.4, True), (0.41, False), (1, False)])
def test_a_mean_counts_from_the_floor_on(floor, measurable):
    table = sums({(clip, 1): 0.1 if clip < 2 else math.nan for clip in range(5)})
    value = measured_mean(table, "ghost_ratio", "rollout", 1, None, floor)
    assert value == (pytest.approx(0.1) if measurable else pytest.approx(math.nan, nan_ok=True))


def test_without_a_floor_one_defined_frame_is_needed():
    table = sums({(0, 1): math.nan, (1, 1): math.nan})
    assert math.isnan(measured_mean(table, "ghost_ratio", "rollout", 1, None, 0))


def test_only_the_steps_of_the_response_count():
    table = sums({(0, 1): math.nan, (0, 2): math.nan, (0, 3): 0.2})
    assert math.isnan(measured_mean(table, "ghost_ratio", "rollout", 1, None, 0.5))
    assert measured_mean(table, "ghost_ratio", "rollout", 3, None, 0.5) == pytest.approx(0.2)


def test_an_infinite_mean_is_not_measured():
    table = sums({(0, 1): math.inf, (0, 2): 0.2})
    assert math.isnan(measured_mean(table, "ghost_ratio", "rollout", 1, None, 0.5))


def test_nothing_defined_is_nan():
    assert math.isnan(mean_score(sums({(0, 1): math.nan}), "ghost_ratio", "rollout", 1, None))
    assert math.isnan(mean_score(step_sums(pd.DataFrame(columns=SCORE_COLUMNS)), "ghost_ratio", "rollout", 1, None))


def test_a_run_without_scores_has_no_response():
    runs = pd.DataFrame({"run_id": ["a", "b"], "seed": [0, 0], "outcome": ["finished", "failed"], "message": ["", ""]})
    table = with_responses(runs, {"a": sums({(0, 1): 0.4})}, StudyResponse(GHOST, "rollout", 1, 1), (SIGNAL,))
    assert table["response"].tolist() == pytest.approx([0.4, math.nan], nan_ok=True)
    assert table["signal_retention"].tolist() == pytest.approx([0.8, math.nan], nan_ok=True)
    assert table["undefined_share"].tolist() == pytest.approx([0, math.nan], nan_ok=True)
