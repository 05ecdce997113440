"""What the speed benchmark compares is the same arithmetic, counted right."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.speed.contenders import CONTENDERS, OURS
from benchmarks.speed.rounds import TOLERANCE, Timed
from benchmarks.speed.shape import SHAPES, smaller
from benchmarks.speed.summary import median, summarized

IN_TORCH = ["one convolution a step", "two convolutions a step", "compiled gates"]


@pytest.fixture
def _uncompiled(monkeypatch):
    monkeypatch.setattr("ablate.components.models.fast.scan.compiled_if", lambda function, enabled: function)  # noqa: ARG005


def differences(name, shape):
    expected, results = (CONTENDERS[contender](shape).results() for contender in (OURS, name))
    return {key: np.linalg.norm(results[key] - expected[key]) / np.linalg.norm(expected[key]) for key in expected}


@pytest.mark.usefixtures("_uncompiled")
@pytest.mark.parametrize("name", [*IN_TORCH, "Keras on torch"])
@pytest.mark.parametrize("shape", ["tiny", "medium"])
def test_contenders_compute_the_same(name, shape):
    relative = differences(name, replace(smaller(SHAPES[shape]), filters=4, time=3))
    assert max(relative.values()) < TOLERANCE


def test_arithmetic_is_counted_as_by_hand():
    shape = replace(SHAPES["tiny"], kernels=(3,), filters=2, side=4, time=3, batch=1)
    input_multiplies = 3 * 16 * 8 * 9  # 3 steps of 16 pixels, 8 gate channels of 9 pixels of one channel
    state_multiplies = 2 * 16 * 8 * 9 * 2  # 2 steps, 2 filters
    assert shape.gflop == pytest.approx(2e-9 * (2 * input_multiplies + 3 * state_multiplies))


def test_ratios_are_taken_round_by_round():
    timed = Timed(SHAPES["tiny"], {OURS: [1.0, 2.0, 4.0], "other": [3.0, 6.0, 12.0]}, {"convolution": [1.0, 1.0, 1.0]})
    ratio = summarized(timed)["contenders"]["other"]["ratio"]
    assert ratio == {"value": 3.0, "low": 3.0, "high": 3.0}


def test_a_median_lies_inside_its_confidence_interval():
    interval = median([1.0, 2.0, 3.0, 4.0, 100.0])
    assert (interval.value, interval.low >= 1.0, interval.high <= 100.0) == (3.0, True, True)
    assert interval.low < interval.value < interval.high
