"""The settings of an analysis: one type for study files, the command line and Python, fixed before the first run."""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat

from ablate.core.spec_base import Spec

Interval = Literal["student", "studentized", "bca"]
FactorPair = Annotated[list[str], Field(min_length=2, max_length=2)]
Bound = Annotated[float, Field(allow_inf_nan=True)]
FEWEST_BLOCKS = 2  # one seed alone does not show how much a result varies
IGNORED = ("interval", "permutations", "resamples")
"""Settings of version 0.1 that have no effect any more; a study file may have them until version 0.3."""


class AnalysisSettings(Spec):
    """How verdicts are reached: fixed before the first run."""

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Family-wise error rate: largest chance to call anything a cause where nothing is. Intervals cover 1 - alpha."""
    margin: PositiveFloat | None = None
    """Equivalence margin, in the response's unit. Without it, no factor can be called "not a cause"."""
    interactions: Literal["design", "all", "none"] | list[FactorPair] = "design"
    """Pairs of factors whose interaction is tested, if the runs can estimate it.

    "design" takes the pairs that the design names, and all pairs if it names none.
    """
    judged_metrics: list[str] = Field(default_factory=list, max_length=10)
    """Secondary metrics whose effects are judged together with the response, as one family of hypotheses.

    All other secondary metrics are described, not judged. The margin is for the response alone.
    """
    interval: Annotated[Interval, Field(json_schema_extra={"deprecated": True})] = "student"
    """Has no effect since version 0.2: every confidence interval is cluster-robust (CR2)."""
    permutations: Annotated[int, Field(ge=999, le=1_000_000, json_schema_extra={"deprecated": True})] = 9_999
    """Has no effect since version 0.2: all flips are enumerated, or 9,999 are drawn."""
    resamples: Annotated[int, Field(ge=100, le=100_000, json_schema_extra={"deprecated": True})] = 2_000
    """Has no effect since version 0.2: no interval is a bootstrap interval."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the drawn flips and permutations, and of the order of the runs."""
    sd: PositiveFloat | None = None
    """Expected standard deviation of a run about its cell and seed, in the response's unit; `ablate plan` uses it."""
    seed_sd: PositiveFloat | None = None
    """Expected standard deviation of an effect between seeds, in the response's unit; `ablate plan` uses it."""

    def tested_pairs(self, factors: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return the pairs of these factors whose interaction is tested; "design" stands for all of them here."""
        match self.interactions:
            case "none":
                return ()
            case "all" | "design":
                return tuple(combinations(factors, 2))
            case pairs:
                return tuple((first, second) for first, second in pairs if first in factors and second in factors)


class Looks(Spec):
    """The looks of a sequential study: after each seed, from `first` to `last` seeds."""

    first: Annotated[int, Field(ge=2)]
    last: Annotated[int, Field(ge=2)]


class InferenceSettings(AnalysisSettings):
    """The settings of an analysis, the properties of its response, and the looks that its study planned."""

    higher_is_better: bool | None = False
    """None if neither direction is better."""
    bounds: tuple[Bound, Bound] | None = None
    """Smallest and largest value that the response can have; None if it has no bounds."""
    looks: Looks | None = None
    """Planned looks at the results of a study that may stop early; None for one analysis after the last run."""
    draws: Annotated[int, Field(ge=199)] = 9_999
    """Flips drawn for a test that has too many to enumerate."""

    @classmethod
    def of(cls, analysis: AnalysisSettings, **changes: Any) -> "InferenceSettings":
        """Return the settings of an analysis with some of them changed, and with the properties of its response."""
        return cls(**{**dict(analysis), **changes})
