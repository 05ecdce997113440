import numpy as np
import pytest
from scipy import ndimage

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics import METRICS

HISTORY, STEPS = 5, 4
ROUNDING = 1e-9
every_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)


@pytest.fixture(scope="module")
def clips():
    frames = MovingMNIST(canvas=32).build(seed=0).held_out(3, HISTORY + STEPS).astype(np.float32) / 255
    return frames[:, HISTORY:], frames[:, :HISTORY]


@pytest.fixture(scope="module")
def flawed(clips):
    """Forecasts with one flaw each."""
    truth, history = clips
    frames = np.concatenate([history, truth], axis=1)
    noise = np.random.default_rng(0).random(truth.shape, dtype=np.float32)
    return {
        "ghost": np.maximum(truth, 0.4 * np.maximum.accumulate(frames, axis=1)[:, HISTORY - 1 : -1]),
        "blur": ndimage.gaussian_filter(truth, (0, 0, 2, 2)),
        "noise": 0.5 * truth + 0.5 * noise,
        "dim": 0.5 * truth,
        "copy of the last frame": frames[:, HISTORY - 1 : -1],
        "blank": np.zeros_like(truth),
        "white": np.ones_like(truth),
    }


@every_metric
def test_it_gives_the_measures_that_it_names(metric, clips):
    truth, history = clips
    assert list(metric.per_frame(truth, truth, history)) == [measure.name for measure in metric.measures]


@every_metric
def test_it_gives_one_number_a_clip_and_step(metric, clips, flawed):
    truth, history = clips
    for values in metric.per_frame(flawed["blur"], truth, history).values():
        assert values.shape == (3, STEPS)
        assert values.dtype == np.float64


@every_metric
def test_its_values_keep_to_the_bounds_it_names(metric, clips, flawed):
    truth, history = clips
    for forecast in (truth, *flawed.values()):
        values = metric.per_frame(forecast, truth, history)
        for measure in metric.measures:
            known = values[measure.name][~np.isnan(values[measure.name])]
            assert (known >= measure.low - ROUNDING).all()
            assert (known <= measure.high + ROUNDING).all()


@every_metric
def test_no_flaw_scores_better_than_the_truth(metric, clips, flawed):
    truth, history = clips
    best = metric.per_frame(truth, truth, history)
    for flaw in ("ghost", "dim", "copy of the last frame", "blank", "white"):
        values = metric.per_frame(flawed[flaw], truth, history)
        for measure in metric.measures:
            if measure.higher_is_better is not None:
                gain = values[measure.name] - best[measure.name]
                assert not (gain * (1 if measure.higher_is_better else -1) > ROUNDING).any(), (flaw, measure.name)


@every_metric
def test_the_order_of_the_clips_does_not_matter(metric, clips, flawed):
    truth, history = clips
    values = metric.per_frame(flawed["noise"], truth, history)
    turned = metric.per_frame(flawed["noise"][::-1], truth[::-1], history[::-1])
    for name in values:
        np.testing.assert_allclose(turned[name][::-1], values[name], rtol=1e-9, atol=1e-12)


@every_metric
def test_a_clip_scores_the_same_alone(metric, clips, flawed):
    truth, history = clips
    values = metric.per_frame(flawed["noise"], truth, history)
    alone = metric.per_frame(flawed["noise"][1:2], truth[1:2], history[1:2])
    for name in values:
        np.testing.assert_allclose(alone[name], values[name][1:2], rtol=1e-9, atol=1e-12)


@every_metric
def test_it_leaves_its_inputs_alone(metric, clips, flawed):
    truth, history = clips
    given = [frames.copy() for frames in (flawed["blur"], truth, history)]
    metric.per_frame(*given)
    for frames, before in zip(given, (flawed["blur"], truth, history), strict=True):
        np.testing.assert_array_equal(frames, before)


@every_metric
def test_it_needs_no_history(metric, clips):
    truth, history = clips
    values = metric.per_frame(truth, truth, history[:, :0])
    assert all(scores.shape == (3, STEPS) for scores in values.values())
