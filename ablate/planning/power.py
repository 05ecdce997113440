"""How likely a test finds an effect of a given size, and the size that it finds with a given chance."""

from dataclasses import dataclass
from math import floor, sqrt

from scipy.optimize import brentq
from scipy.stats import f, ncf, norm

USUAL_POWER = 0.8  # Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, section 2.4
LARGEST = 1_000.0  # standard deviations: no effect is sought beyond
SLACK = 1e-9  # levels and steps of p are quotients, rounded


@dataclass(frozen=True)
class FTest:
    """An F test of an effect: its level, its degrees of freedom, and how precisely the effect is estimated.

    `variance` is that of the estimated contrast, where a run has variance 1 about its cell and seed. An effect of d
    standard deviations then has the noncentrality d^2 / variance. That is the least among all patterns of means in
    which the contrast is d, so that power is never overstated for a factor of more than two levels. With two levels
    this is the two-sided t test.
    """

    level: float
    numerator: int
    denominator: int
    variance: float

    def power(self, effect: float) -> float:
        """Return the chance that an effect of so many standard deviations is found."""
        if self.level <= 0 or self.denominator < 1:
            return 0.0
        if effect == 0:
            return self.level
        critical = f.isf(self.level, self.numerator, self.denominator)
        return float(ncf.sf(critical, self.numerator, self.denominator, effect**2 / self.variance))

    def detectable(self, power: float = USUAL_POWER) -> float | None:
        """Return the least effect, in standard deviations, that is found with this chance; None where none is."""
        if self.power(LARGEST) < power:
            return None
        return float(brentq(lambda effect: self.power(effect) - power, 0, LARGEST, xtol=1e-6))


@dataclass(frozen=True)
class Unanimity(FTest):
    """The exact test of one difference that rejects only where all sets agree in its sign.

    It has no other dealing at its level: the power of a t test would overstate it by up to a fifth.
    """

    def power(self, effect: float) -> float:
        """Return the chance that all sets agree; their differences are normal."""
        sets = self.denominator + 1
        towards = effect / sqrt(self.variance * sets)
        return float(norm.cdf(towards) ** sets + norm.cdf(-towards) ** sets)


def attained(level: float, smallest: float) -> float:
    """Return the largest level up to `level` that a test reaches whose p-values are multiples of `smallest`."""
    return floor(level / smallest * (1 + SLACK)) * smallest
