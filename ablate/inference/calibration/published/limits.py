"""The limits that a rate must hold, and when a simulated rate holds them."""

from dataclasses import dataclass

from ablate.inference.calibration.rates import Rate, rate_words

LEAST_COVERAGE, MOST_COVERAGE = 0.93, 0.97  # of 95 % confidence intervals


@dataclass(frozen=True)
class Limit:
    """The range of one rate, by its name in Rates, as shares in [0, 1].

    It is held if the 95 % confidence interval of the simulated rate meets the range.
    """

    rate: str
    least: float = 0.0
    most: float = 1.0

    def is_held(self, rate: Rate) -> bool:
        """Return whether a simulated rate is within the limit, but for chance."""
        return rate.high >= self.least and rate.low <= self.most

    @property
    def words(self) -> str:
        """The range in words, in percent."""
        if self.least <= 0:
            return f"≤ {100 * self.most:.3g}"
        if self.most >= 1:
            return f"≥ {100 * self.least:.3g}"
        return f"{100 * self.least:.3g} to {100 * self.most:.3g}"

    def sentence(self, title: str, heading: str, rate: Rate) -> str:
        """Return whether the limit is held, what it demands, and what was simulated."""
        share, interval = rate_words(rate)
        held = "holds" if self.is_held(rate) else "VIOLATED"
        return f"{held}: {title}: {heading} {self.words} %; simulated {share} ({interval})"


def false_at_most(mains: float, with_pairs: float | None = None) -> tuple[Limit, ...]:
    """Return limits on the shares of tables, in percent, with a false factor, and with a false factor or pair."""
    limits = (Limit("false_mains", most=mains / 100),)
    return limits if with_pairs is None else (*limits, Limit("false_alarms", most=with_pairs / 100))


def found_at_least(percent: float) -> Limit:
    """Return a limit on the share of tables in which the planted cause is named."""
    return Limit("detected", least=percent / 100)


def cleared_at_most(percent: float) -> Limit:
    """Return a limit on the share of tables in which a factor is called "not a cause" that should not be."""
    return Limit("cleared", most=percent / 100)


COVERED = Limit("coverage", LEAST_COVERAGE, MOST_COVERAGE)
EXACT = (*false_at_most(5, 5), COVERED)
"""At most 5 % of the tables have a false factor or pair, and the intervals cover what they promise."""
EXACT_MAINS = (*false_at_most(5, 7), COVERED)
"""With all pairs in a table that nobody planned, up to 7 % were measured, which its report says."""
