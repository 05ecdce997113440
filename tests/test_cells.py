import math

import pandas as pd
import pytest

from ablate.analysis.cells import views
from ablate.measurement.metrics import Metric
from ablate.measurement.run_mean import step_sums
from ablate.storage.records import SCORE_COLUMNS

GHOST = Metric("ghost_ratio", "ghost ratio", "ratio", -2.0, 20.0, higher_is_better=False)
MSE = Metric("mse", "squared error", "squared brightness", 0.0, math.inf, higher_is_better=False)


def run(*rows):
    return step_sums(pd.DataFrame(rows, columns=SCORE_COLUMNS))


def test_all_runs_have_equal_weight_in_a_view():
    one = run(("rollout", 0, 1, "ghost_ratio", 0.2), ("rollout", 0, 2, "ghost_ratio", math.nan))
    other = run(("rollout", 0, 1, "ghost_ratio", 0.5), ("rollout", 0, 2, "ghost_ratio", 0.7))
    assert views({"a": one, "b": other}, [GHOST])[0].means == pytest.approx({"ghost_ratio": 0.4})


def test_views_keep_the_order_of_the_study():
    scores = run(*((view, 0, 1, "ghost_ratio", 0.1) for view in ("rollout", "as_posted", "one_step")))
    assert [view.view for view in views({"a": scores}, [GHOST])] == ["rollout", "as_posted", "one_step"]


def test_a_metric_without_scores_in_a_view_is_undefined():
    scores = run(("rollout", 0, 1, "ghost_ratio", 0.1), ("one_step", 0, 1, "mse", 9.0))
    first, second = views({"a": scores}, [GHOST, MSE])
    assert math.isnan(first.means["mse"])
    assert math.isnan(second.means["ghost_ratio"])


def test_a_run_without_defined_frames_is_left_out_of_a_view():
    scores = {"a": run(("rollout", 0, 1, "mse", math.nan)), "b": run(("rollout", 0, 1, "mse", 4.0))}
    assert views(scores, [MSE])[0].means["mse"] == 4.0


def test_no_scores_give_no_views():
    assert views({}, [GHOST]) == ()
