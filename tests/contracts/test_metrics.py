import numpy as np
import pytest

from ablate.data import MovingMNIST
from ablate.metrics import MEASURES, METRICS

CLIPS = MovingMNIST(canvas=32).build(0).held_out(5, 9).astype(np.float32) / 255
HISTORY, TRUTH = CLIPS[:, :5], CLIPS[:, 5:]
FORECAST = 0.6 * TRUTH + 0.4 * HISTORY[:, -4:]
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)


@every_metric
def test_it_returns_the_measures_it_declares_one_number_a_clip_and_step(metric):
    scores = metric.per_frame(FORECAST, TRUTH, HISTORY)
    assert list(scores) == [measure.name for measure in metric.measures]
    assert all(values.shape == TRUTH.shape[:2] for values in scores.values())


@every_metric
def test_its_values_lie_in_the_range_it_declares(metric):
    scores = metric.per_frame(FORECAST, TRUTH, HISTORY)
    for measure in metric.measures:
        values = scores[measure.name][~np.isnan(scores[measure.name])]
        assert (values >= measure.low).all()
        assert (values <= measure.high).all()


@every_metric
def test_a_perfect_forecast_is_at_least_as_good_in_the_direction_it_declares(metric):
    perfect, other = metric.per_frame(TRUTH, TRUTH, HISTORY), metric.per_frame(FORECAST, TRUTH, HISTORY)
    for measure in metric.measures:
        defined = ~np.isnan(perfect[measure.name]) & ~np.isnan(other[measure.name])
        best, worse = perfect[measure.name][defined].sum(), other[measure.name][defined].sum()
        if measure.higher_is_better is not None:
            assert best >= worse if measure.higher_is_better else best <= worse


@every_metric
def test_clips_are_scored_one_by_one(metric):
    together = metric.per_frame(FORECAST, TRUTH, HISTORY)
    alone = metric.per_frame(FORECAST[2:3], TRUTH[2:3], HISTORY[2:3])
    for name, values in alone.items():
        np.testing.assert_allclose(values[0], together[name][2], rtol=1e-6)


def test_every_measure_has_a_name_of_its_own():
    assert len(MEASURES) == sum(len(metric.measures) for metric in METRICS)
