"""What is tested: the main effect of every factor and the interaction of every chosen pair."""

from dataclasses import dataclass
from typing import Literal

from ablate.inference.inference import Unit


@dataclass(frozen=True)
class Hypothesis:
    """A main effect (one factor) or an interaction (two), and how the design lets it be tested.

    `matched`: runs that differ in these factors alone make up `sets` whole sets, which are relabelled. `linear`: there
    are too few such sets, so that the residuals of a linear model are shuffled within blocks (Freedman and Lane 1983,
    doi:10.2307/1391660). `none`: the runs do not show it. `smallest` is the least p that can be reached.
    """

    factors: tuple[str, ...]
    how: Literal["matched", "linear", "none"]
    unit: Unit
    sets: int
    smallest: float
