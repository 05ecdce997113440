import math

import pandas as pd
import pytest

from ablate.analysis.response import mean_score, undefined_share
from ablate.records import SCORE_COLUMNS

ROWS = [
    ("rollout", 0, 1, "ghost_ratio", 0.1),
    ("rollout", 0, 2, "ghost_ratio", 0.3),
    ("rollout", 1, 1, "ghost_ratio", math.nan),
    ("rollout", 1, 2, "ghost_ratio", 0.8),
    ("rollout", 0, 2, "mse", 90.0),
    ("one_step", 0, 2, "ghost_ratio", 5.0),
]
SCORES = pd.DataFrame(ROWS, columns=SCORE_COLUMNS)
EMPTY = pd.DataFrame(columns=SCORE_COLUMNS)


def test_mean_is_over_the_defined_frames_of_one_view_and_measure():
    assert mean_score(SCORES, "ghost_ratio", "rollout", 1, None) == pytest.approx((0.1 + 0.3 + 0.8) / 3)


@pytest.mark.parametrize(("first", "last", "expected"), [(1, 1, 0.1), (2, 2, 0.55), (2, None, 0.55), (1, 2, 0.4)])
def test_first_and_last_step_both_count(first, last, expected):
    assert mean_score(SCORES, "ghost_ratio", "rollout", first, last) == pytest.approx(expected)


@pytest.mark.parametrize("scores", [EMPTY, SCORES[SCORES["value"].isna()]])
def test_mean_is_nan_where_nothing_is_defined(scores):
    assert math.isnan(mean_score(scores, "ghost_ratio", "rollout", 1, None))


def test_undefined_share_counts_the_frames_without_a_value():
    assert undefined_share(SCORES, "ghost_ratio", "rollout", 1, None) == pytest.approx(1 / 4)


def test_undefined_share_of_no_frames_is_nan():
    assert math.isnan(undefined_share(EMPTY, "ghost_ratio", "rollout", 1, None))
