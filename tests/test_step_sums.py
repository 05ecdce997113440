"""Scores summed over clips: what means are taken from."""

import math

import pandas as pd
import pytest

from ablate.measurement.run_mean import mean, step_sums
from ablate.storage.records import SCORE_COLUMNS

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


def test_a_row_stands_for_every_view_measure_and_step_in_their_order():
    rows = step_sums(SCORES).to_dict("split")["data"]
    assert rows == [
        ["rollout", "mse", 1, 4.0, 2, 2],
        ["rollout", "mse", 2, 8.0, 1, 2],
        ["one_step", "mse", 1, 5.0, 1, 1],
    ]


def test_the_mean_is_that_of_all_defined_frames():
    assert mean(step_sums(SCORES)) == pytest.approx(SCORES["value"].mean())


def test_the_mean_of_nothing_is_undefined():
    assert math.isnan(mean(step_sums(SCORES[:0])))
