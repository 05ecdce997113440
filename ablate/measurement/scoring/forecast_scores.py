"""What was measured of a set of forecasts, and what a reader is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ablate.core.arrays import FrameScores

MISPLACED = 0.5
"""Share of its error beside its own truth below which a forecast beside another frame's is shown at the wrong time."""

Copied = Literal["previous_frame", "last_known_frame"]


@dataclass(frozen=True)
class Alignment:
    """Which true frames the forecast fits, in time.

    `best_offset` k > 0: forecast step t fits the truth of step t-k better than its own, so it is shown k frames
    late; k < 0: early. `mse_by_offset` holds the squared error of a frame (summed over its pixels, as `mse`) by
    offset, over the same forecast steps for all of them. `copies` names the input that the forecast repeats.
    """

    best_offset: int
    mse_by_offset: Mapping[int, float]
    copies: Copied | None

    @property
    def misplaced(self) -> bool:
        """Tell whether panels of different times explain the offset; else the forecast itself lags, or hurries.

        A displaced panel fits its true time as well as forecasts do; a lagging forecast fits no time well.
        """
        return self.mse_by_offset[self.best_offset] < MISPLACED * self.mse_by_offset[0]


@dataclass(frozen=True)
class ForecastScores:
    """Every measure of metrics.MEASURES by name, per clip and forecast step (NaN: undefined), and the alignment."""

    metrics: Mapping[str, FrameScores]
    alignment: Alignment


@dataclass(frozen=True)
class StepCurve:
    """One measure's mean over clips: in all and by forecast step, each with its interval; NaN where undefined."""

    mean: float
    low: float
    high: float
    per_step: tuple[float, ...]
    low_per_step: tuple[float, ...]
    high_per_step: tuple[float, ...]


@dataclass(frozen=True)
class Trail:
    """The ghost by lag: its mean over clips and steps on pixels last lit that many steps ago, with its interval."""

    lag: tuple[int, ...]
    excess: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    decay_steps: float | None
    """Steps in which the trail fades to 1/e; None where there is none, or where it does not fade."""

    @property
    def lasts(self) -> bool:
        """Tell whether there is a trail that does not fade: seen at more than half of its lags, beyond chance."""
        return self.decay_steps is None and sum(low > 0 for low in self.low) > len(self.lag) / 2


@dataclass(frozen=True)
class ForecastSummary:
    """The scores of a set of forecasts in short: what a page draws and `ablate score` writes."""

    clips: int
    steps: int
    undefined: int
    """Forecast frames (clip x step) without a defined ghost ratio."""
    curves: Mapping[str, StepCurve]
    """By measure name, in the order of metrics.MEASURES, the trail's lags left out."""
    trail: Trail
    alignment: Alignment
    strongest: tuple[int, ...]
    """Clips with the largest mean ghost ratio, the largest first."""
    weakest: tuple[int, ...]
    """Clips with the smallest, the smallest first; none is also among the strongest."""
    sentences: tuple[str, ...]
    """What these numbers say, in words."""

    @property
    def shown(self) -> tuple[int, ...]:
        """The clips to show: the strongest, then the weakest; the first where none has a ghost ratio."""
        return (*self.strongest, *self.weakest) or (0,)
