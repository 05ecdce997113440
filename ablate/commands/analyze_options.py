"""What verdicts are to hold, as the command line writes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.core.errors import SpecError, did_you_mean
from ablate.inference.settings import Interval, Settings
from ablate.inference.tables.columns import names


@dataclass(frozen=True)
class Asked:
    """What the verdicts are to hold; see Settings.

    `interactions` is all, none, or pairs as in kernel:norm,kernel:loss. `bounds` is 0,1, or None.
    """

    alpha: float = 0.05
    margin: float | None = None
    interactions: str = "all"
    interval: Interval = "student"
    higher_is_better: bool = False
    bounds: str | None = None
    seed: int = 0

    def settings(self, factors: Sequence[str]) -> Settings:
        """Return the settings of an inference on these factors. Raises SpecError."""
        if not 0 < self.alpha < 1:
            raise SpecError(f"--alpha: found {self.alpha:g}; must lie between 0 and 1, as 0.05")
        if self.margin is not None and not 0 < self.margin < math.inf:
            raise SpecError(f"--margin: found {self.margin:g}; must be above 0, in the unit of the response")
        return Settings(
            alpha=self.alpha,
            margin=self.margin,
            interactions=_pairs(self.interactions, factors),
            interval=self.interval,
            seed=self.seed,
            higher_is_better=self.higher_is_better,
            bounds=_bounds(self.bounds) if self.bounds else None,
        )


def _pairs(text: str, factors: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    if text.strip() in {"all", "none"}:
        return None if text.strip() == "all" else ()
    pairs = tuple(_pair(item, factors) for item in names(text))
    for position, pair in enumerate(pairs):
        if any(set(pair) == set(earlier) for earlier in pairs[:position]):
            raise SpecError(f"--interactions: {':'.join(pair)} stands there twice")
    return pairs


def _pair(item: str, factors: Sequence[str]) -> tuple[str, str]:
    first, _, second = (part.strip() for part in item.partition(":"))
    if not second or first == second:
        raise SpecError(f"--interactions: found {item!r}; write all, none, or two factors with a colon: kernel:norm")
    for name in (first, second):
        if name not in factors:
            hint = did_you_mean(name, factors)
            raise SpecError(f"--interactions: {name!r} is no factor{hint}; --factors names {', '.join(factors)}")
    return first, second


def _bounds(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise SpecError(f"--bounds: found {text!r}; write the least and the largest value, as in 0,1")
    return low, high
