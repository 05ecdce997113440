import numpy as np
import pytest
from scipy import ndimage

from ablate.components.data import MovingMNIST
from ablate.measurement.metrics import METRIC_GROUPS

HISTORY, STEPS = 5, 4
ROUNDING = 1e-9
every_metric = pytest.mark.parametrize("group", METRIC_GROUPS, ids=lambda group: type(group).__name__)


@pytest.fixture(scope="module")
def clips():
    frames = MovingMNIST(frame_size=32).build(seed=0).held_out(3, HISTORY + STEPS).astype(np.float32) / 255
    return frames[:, HISTORY:], frames[:, :HISTORY]


@pytest.fixture(scope="module")
def flawed(clips):
    """Forecasts with one flaw each."""
    target, history = clips
    frames = np.concatenate([history, target], axis=1)
    noise = np.random.default_rng(0).random(target.shape, dtype=np.float32)
    return {
        "ghost": np.maximum(target, 0.4 * np.maximum.accumulate(frames, axis=1)[:, HISTORY - 1 : -1]),
        "blur": ndimage.gaussian_filter(target, (0, 0, 2, 2)),
        "noise": 0.5 * target + 0.5 * noise,
        "dim": 0.5 * target,
        "copy of the last frame": frames[:, HISTORY - 1 : -1],
        "blank": np.zeros_like(target),
        "white": np.ones_like(target),
    }


@every_metric
def test_it_returns_the_metrics_that_it_names(group, clips):
    target, history = clips
    assert list(group.per_frame(target, target, history)) == [metric.name for metric in group.metrics]


@every_metric
def test_it_returns_one_number_per_clip_and_step(group, clips, flawed):
    target, history = clips
    for values in group.per_frame(flawed["blur"], target, history).values():
        assert values.shape == (3, STEPS)
        assert values.dtype == np.float64


@every_metric
def test_its_values_are_within_its_bounds(group, clips, flawed):
    target, history = clips
    for forecast in (target, *flawed.values()):
        values = group.per_frame(forecast, target, history)
        for metric in group.metrics:
            known = values[metric.name][~np.isnan(values[metric.name])]
            assert (known >= metric.low - ROUNDING).all()
            assert (known <= metric.high + ROUNDING).all()


@every_metric
def test_no_flaw_scores_better_than_the_target_itself(group, clips, flawed):
    target, history = clips
    best = group.per_frame(target, target, history)
    for flaw in ("ghost", "dim", "copy of the last frame", "blank", "white"):
        values = group.per_frame(flawed[flaw], target, history)
        for metric in group.metrics:
            if metric.higher_is_better is not None:
                gain = values[metric.name] - best[metric.name]
                assert not (gain * (1 if metric.higher_is_better else -1) > ROUNDING).any(), (flaw, metric.name)


@every_metric
def test_the_order_of_the_clips_does_not_matter(group, clips, flawed):
    target, history = clips
    values = group.per_frame(flawed["noise"], target, history)
    turned = group.per_frame(flawed["noise"][::-1], target[::-1], history[::-1])
    for name in values:
        np.testing.assert_allclose(turned[name][::-1], values[name], rtol=1e-9, atol=1e-12)


@every_metric
def test_a_clip_has_the_same_score_alone(group, clips, flawed):
    target, history = clips
    values = group.per_frame(flawed["noise"], target, history)
    alone = group.per_frame(flawed["noise"][1:2], target[1:2], history[1:2])
    for name in values:
        np.testing.assert_allclose(alone[name], values[name][1:2], rtol=1e-9, atol=1e-12)


@every_metric
def test_it_does_not_change_its_inputs(group, clips, flawed):
    target, history = clips
    given = [frames.copy() for frames in (flawed["blur"], target, history)]
    group.per_frame(*given)
    for frames, before in zip(given, (flawed["blur"], target, history), strict=True):
        np.testing.assert_array_equal(frames, before)


@every_metric
def test_it_needs_no_history(group, clips):
    target, history = clips
    values = group.per_frame(target, target, history[:, :0])
    assert all(scores.shape == (3, STEPS) for scores in values.values())
