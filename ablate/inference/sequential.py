"""Group-sequential maximum tests over joint sign flips: a study looks after each seed, and its alpha covers all looks.

Of all flips of the seeds so far, those that cross a boundary at this or an earlier look are at most their share of the
alpha that is spent by then (Plamadeala & Rosenberger 2012, doi:10.1214/11-AOS941). After each naming the boundaries
are computed again for the hypotheses that remain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from ablate.inference.step_down import SLACK

ROUNDING = 1e-9  # of a number of flips: alpha x share x flips may fall just below a whole number


@dataclass(frozen=True, eq=False)
class Naming:
    """Which hypotheses one overall alpha names, and when.

    `named_at` is the look at which a hypothesis is named, counted from 0; the number of looks if none names it.
    `boundaries` are those in force at each look: infinite where the spent alpha allows no flip to cross, NaN once the
    hypothesis is named.
    """

    named_at: Int[np.ndarray, " hypothesis"]
    boundaries: Float[np.ndarray, "look hypothesis"]


@dataclass(frozen=True, eq=False)
class GroupSequential:
    """The statistics of a family at every look so far.

    `statistics` has one matrix per look; its first flip keeps all signs, so it holds the observed statistics. A
    hypothesis that a look cannot test has -infinity. `parents` has, for every flip of a look, the place of the flip
    that it extends at the look before; those of the first look are not used. `shares` are the parts of alpha that are
    spent up to each look, in (0, 1], increasing.
    """

    statistics: Sequence[Float[np.ndarray, "hypothesis _"]]
    parents: Sequence[Int[np.ndarray, " _"]]
    shares: Sequence[float]

    def naming(self, alpha: float) -> Naming:
        """Return which hypotheses are named at each look when the whole study spends alpha."""
        looks, hypotheses = len(self.statistics), len(self.statistics[0])
        named_at, remaining = np.full(hypotheses, looks), np.ones(hypotheses, bool)
        boundaries = np.full((looks, hypotheses), np.nan)
        for look in range(looks):
            while remaining.any():
                cuts = self._cuts(alpha, remaining, look)
                boundaries[look, remaining] = cuts[look]
                # with fewer hypotheses left, an earlier look may have been enough
                crosses = self._observed[: look + 1] > cuts[:, np.newaxis] + SLACK
                names = remaining & crosses.any(axis=0)
                if not names.any():
                    break
                named_at[names] = look
                remaining &= ~names
        return Naming(named_at, boundaries)

    def p_values(self, look: int) -> Float[np.ndarray, " hypothesis"]:
        """Return each hypothesis's smallest overall alpha, in (0, 1], at which this or an earlier look names it.

        Found by bisection over the values at which one more flip may cross at some look. A p-value adjusts for all
        looks and for the whole family; it does not depend on alpha.
        """
        p = np.ones(len(self.statistics[0]))
        for hypothesis in range(len(p)):
            low, high = -1, len(self._levels)  # named at `high`, not at `low`
            while high - low > 1:
                middle = (low + high) // 2
                is_named = self._named_at(middle)[hypothesis] <= look
                low, high = (low, middle) if is_named else (middle, high)
            p[hypothesis] = self._levels[high] if high < len(self._levels) else 1.0
        return p

    @cached_property
    def _observed(self) -> Float[np.ndarray, "look hypothesis"]:
        return np.array([statistics[:, 0] for statistics in self.statistics])

    @cached_property
    def _levels(self) -> Float[np.ndarray, " level"]:
        """The overall alphas at which one more flip may cross at some look, in rising order."""
        sizes = [statistics.shape[1] for statistics in self.statistics]
        levels = np.concatenate(
            [np.arange(1, size + 1) / (share * size) for share, size in zip(self.shares, sizes, strict=True)]
        )
        rising: np.ndarray = np.unique(levels[levels <= 1])
        return rising

    @cached_property
    def _namings(self) -> dict[int, Int[np.ndarray, " hypothesis"]]:
        return {}

    def _named_at(self, level: int) -> Int[np.ndarray, " hypothesis"]:
        if level not in self._namings:
            self._namings[level] = self.naming(float(self._levels[level])).named_at
        return self._namings[level]

    def _cuts(self, alpha: float, remaining: Bool[np.ndarray, " hypothesis"], last: int) -> Float[np.ndarray, " _"]:
        """Return the boundaries of the looks up to `last` for the maximum over the hypotheses that remain."""
        return np.array(list(self._crossed(alpha, tuple(np.flatnonzero(remaining)), last)))

    def _crossed(self, alpha: float, remaining: tuple[int, ...], last: int) -> Iterator[float]:
        crossed = np.empty(0, bool)
        for look in range(last + 1):
            maxima, order = self._maxima(remaining, look)
            carried = crossed[self.parents[look]] if look else np.zeros(len(maxima), bool)
            allowed = int(alpha * self.shares[look] * len(maxima) + ROUNDING)
            cut = _next_cut(maxima, order, carried, allowed - int(carried.sum()))
            crossed = carried | (maxima > cut + SLACK)
            yield cut

    def _maxima(
        self, remaining: tuple[int, ...], look: int
    ) -> tuple[Float[np.ndarray, " flip"], Int[np.ndarray, " flip"]]:
        """Return each flip's maximum over the remaining hypotheses, and the flips' places from the largest down."""
        key = (remaining, look)
        if key not in self._known_maxima:
            maxima = self.statistics[look][list(remaining)].max(axis=0)
            self._known_maxima[key] = maxima, np.argsort(-maxima, kind="stable")
        return self._known_maxima[key]

    @cached_property
    def _known_maxima(self) -> dict[tuple[tuple[int, ...], int], tuple[np.ndarray, np.ndarray]]:
        return {}


def parent_flips(before: int, now: int) -> Int[np.ndarray, " now"]:
    """Return the place of the flip that every flip extends, for flips as `flip_signs` orders them.

    `before` and `now` are the numbers of flips at two looks. All flips of one more unit repeat those of the units
    before; flips that are drawn stay in their places.
    """
    return np.arange(now) % before


def linear_shares(first: int, now: int, last: int) -> tuple[float, ...]:
    """Return the share of alpha that is spent by each look from `first` to `now` seeds of at most `last`: n / last."""
    return tuple(n / last for n in range(first, now + 1))


def _next_cut(
    maxima: Float[np.ndarray, " flip"],
    order: Int[np.ndarray, " flip"],
    carried: Bool[np.ndarray, " flip"],
    room: int,
) -> float:
    """Return the boundary above which at most `room` flips lie that have not crossed before."""
    if room <= 0:
        return np.inf
    free = order[~carried[order]]
    return float(maxima[free[room]]) if room < len(free) else -np.inf
