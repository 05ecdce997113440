"""What a metric is, and what computes it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from ablate.core.arrays import Frames, FrameScores, History


@dataclass(frozen=True)
class Metric:
    """One number per clip and forecast step: its name, and what a reader must know about it.

    All values are within [`low`, `high`]. `higher_is_better` is None where neither direction is better in itself.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    higher_is_better: bool | None


class MetricGroup(ABC):
    """Computes one or more metrics that share their intermediate results. It never averages over clips or steps."""

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that `per_frame` returns, in order."""

    @abstractmethod
    def per_frame(self, forecast: Frames, target: Frames, history: History) -> Mapping[str, FrameScores]:
        """Return the values of every metric by its name, NaN where it is undefined.

        `history` holds the true frames before the first forecast step.
        """
