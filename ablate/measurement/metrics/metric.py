"""What evaluation asks of a metric."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.core.arrays import Frames, FrameScores, History


@dataclass(frozen=True)
class Metric:
    """One number per clip and forecast step: its name, and what a reader must know of it.

    `higher_is_better` is None where neither direction is better in itself.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    higher_is_better: bool | None


class MetricGroup(ABC):
    """Turns forecasts into one or more measures. It never averages: analysis does."""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """The measures that `per_frame` returns, in order."""

    @abstractmethod
    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:
        """Return every measure by name, NaN where it is undefined.

        `history` holds the true frames before the first forecast step.
        """
