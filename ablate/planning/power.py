"""How likely a test finds an effect of a given size, and the size that it finds with a given chance."""

from dataclasses import dataclass
from math import exp, floor, inf, pi, sqrt

from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import f, ncf

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
    denominator: float
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
    """The exact test of one difference that rejects only where all sets agree in its sign, or all but the smallest.

    Of all dealings of signs these are the one or the two (`but_one`) with the largest sum. The power of a t test would
    overstate that of so few by up to a fifth.
    """

    but_one: bool = False

    def power(self, effect: float) -> float:
        """Return the chance that the sets agree; their differences are normal."""
        mean = effect / sqrt(self.variance * (self.denominator + 1))
        return self._agree(mean) + self._agree(-mean)

    def _agree(self, mean: float) -> float:
        """Return the chance that all sets are positive, or all but the one nearest to 0, if that may be."""
        others = self.denominator
        every: float = float(ndtr(mean)) ** (others + 1)
        if not self.but_one:
            return every
        odd, _ = quad(lambda size: exp(-((size + mean) ** 2) / 2) * ndtr(mean - size) ** others, 0, inf)
        return every + float((others + 1) * odd / sqrt(2 * pi))


def attained(level: float, smallest: float) -> float:
    """Return the largest level up to `level` that a test reaches whose p-values are multiples of `smallest`."""
    return floor(level / smallest * (1 + SLACK)) * smallest
