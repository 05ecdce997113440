"""The six verdicts on a factor.

The value of a verdict is the text that the console, the report and the JSON show. Code that treats verdicts differently
uses `match` with `assert_never`, so that the type checker names every place that a new verdict concerns.
"""

from enum import StrEnum
from typing import assert_never


class Verdict(StrEnum):
    """A verdict on one factor, in the order in which reports list them. `FactorVerdict` has what qualifies it."""

    CAUSE = "cause"
    """The response differs between the factor's levels, averaged over the other factors."""
    CAUSE_IN_THESE_SEEDS = "cause in these seeds"
    """As a cause, but the seeds are too few to speak for other seeds."""
    ACTS_ONLY_WITH = "acts only with"
    """The factor has an effect at some levels of its partners only."""
    NEGLIGIBLE = "negligible"
    """The factor has an effect, and all its effects are within the margin."""
    NOT_A_CAUSE = "not a cause"
    """All effects of the factor are within the margin, and no interaction and no context of it shows an effect."""
    UNDECIDED = "undecided"
    """The runs support none of the other verdicts."""

    @property
    def claims_effect(self) -> bool:
        """Whether the verdict says that the factor has an effect: an error where it has none."""
        match self:
            case Verdict.CAUSE | Verdict.CAUSE_IN_THESE_SEEDS | Verdict.ACTS_ONLY_WITH | Verdict.NEGLIGIBLE:
                return True
            case Verdict.NOT_A_CAUSE | Verdict.UNDECIDED:
                return False
            case unknown:
                assert_never(unknown)

    @property
    def claims_equivalence(self) -> bool:
        """Whether the verdict says that all effects are within the margin: an error where one is not."""
        match self:
            case Verdict.NEGLIGIBLE | Verdict.NOT_A_CAUSE:
                return True
            case Verdict.CAUSE | Verdict.CAUSE_IN_THESE_SEEDS | Verdict.ACTS_ONLY_WITH | Verdict.UNDECIDED:
                return False
            case unknown:
                assert_never(unknown)
