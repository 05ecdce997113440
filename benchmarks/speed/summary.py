"""Summary of timed rounds: medians of ratios, with bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.speed.contenders import OURS
from benchmarks.speed.rounds import Timed

DRAWS, LEVEL = 10_000, 0.95


@dataclass(frozen=True)
class Median:
    """A median over rounds, with its 95 % percentile bootstrap confidence interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return all three with three digits."""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def median(values: Sequence[float] | np.ndarray) -> Median:
    """Return the median and its confidence interval."""
    resamples = np.random.default_rng(0).choice(np.asarray(values), (DRAWS, len(values)))
    low, high = np.quantile(np.median(resamples, axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Median(float(np.median(values)), float(low), float(high))


def summarized(timed: Timed) -> dict[str, Any]:
    """Return the figures of one shape, ready for JSON. A ratio is a contender's time over this project's, per round."""
    shape, ours = timed.shape, np.asarray(timed.steps[OURS])
    contenders = {}
    for name, steps in timed.steps.items():
        rates = shape.gflop / np.asarray(steps)
        contenders[name] = {
            "seconds_a_clip": asdict(median(np.asarray(steps) / shape.batch)),
            "gflop_per_second": asdict(median(rates)),
            "share_of_convolution": asdict(median(rates / np.asarray(timed.calibrators["convolution"]))),
            "ratio": asdict(median(np.asarray(steps) / ours)),
            **({f"{name}_bytes": size for name, size in timed.memory.get(name, {}).items()}),
        }
    calibrators = {name: asdict(median(values)) for name, values in timed.calibrators.items()}
    return {
        "shape": asdict(shape) | {"gflop_a_step": shape.gflop},
        "rounds": len(ours),
        "contenders": contenders,
        "calibrators": calibrators,
    }
