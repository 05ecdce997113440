"""Power of the joint flips of whole seeds, by simulating the scores that the test would compute.

The runs of a plan are complete, so the statistic of the analysis needs the seeds' scores alone: S(g) = sum of g_b s_b,
V = I, and the scale (16 s0 + n m) / (16 + n). An effect of size d moves every seed's scores by d times `unit`.
"""

from dataclasses import dataclass
from functools import cached_property
from math import floor

import numpy as np
from jaxtyping import Bool, Float

from ablate.core.seeds import derive
from ablate.inference.family_tests import min_attainable_p
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.seed_flips import POOLED_WEIGHT
from ablate.inference.step_down import SLACK, flip_signs, surprise_chi2
from ablate.planning.planned_effects import PlannedEffects
from ablate.planning.power import NO_POWER, PowerCurve, shared_curves, with_even_quantiles

MOST_STUDIES, FEWEST_STUDIES = 4_000, 200  # power is then known to about 0.6 and 3 percentage points
MOST_FLIPPED = 400_000  # studies x flips: 1,000 studies with many flips, which takes a fifth of a second
MOST_NUMBERS = 10_000_000  # studies x flips x axes: 80 MB
ENUMERATED = 10  # seeds; the test enumerates more, which changes its power by less than a point
DRAWN = 400  # flips of more seeds; 0.05 of them is a whole number
MOST_SEEDS = 20  # up to here n + 1 seeds hold the noise of n seeds, so that power grows smoothly
STEPS = 14  # of the bisection: it ends within 0.003 standard errors of the effect
WIDEST = 40.0  # standard errors of an effect: the search ends here
EXPECTED = 3.2  # standard errors of an effect near 80 % power
ROUNDING = 1e-9


def flip_power(effects: PlannedEffects, seeds: int, alpha: float, seed_sd: float, draws: int) -> list[PowerCurve]:
    """Return the power of each effect, alone in its study, with this number of seeds.

    A study finds an effect where at most a share alpha of the flips has a maximum over the family that reaches the
    effect's statistic: the first step of the step-down, which decides if nothing else has an effect. `seed_sd` is the
    standard deviation of an effect between seeds, in standard deviations of a run. `draws` is the number of flips that
    the analysis draws where it cannot enumerate them.
    """
    level = attained_level(alpha, min_attainable_p(KindOfTest.SEED_FLIPS, seeds, draws))
    if level <= 0:
        return [NO_POWER for _ in effects.effects]
    simulation = _Simulation(effects, seeds, level, seed_sd)
    return shared_curves(effects, seed_sd, lambda place: PowerCurve(simulation.thresholds(place)))


def attained_level(level: float, min_attainable_p: float) -> float:
    """Return the largest level up to `level` of a test whose p-values are multiples of the minimum."""
    return floor(level / min_attainable_p * (1 + ROUNDING)) * min_attainable_p


@dataclass(frozen=True, eq=False)
class _Simulation:
    """Simulated studies without an effect, to which one effect at a time is added."""

    effects: PlannedEffects
    seeds: int
    level: float
    seed_sd: float

    def thresholds(self, place: int) -> Float[np.ndarray, " study"]:
        """Return the size from which on each study finds this effect, by bisection; infinite where none is found."""
        effect, at = self.effects.effects[place], self.effects.places[place]
        along = effect.unit / np.linalg.norm(effect.unit)
        error = effect.error * float(np.sqrt(along @ self._covariance[at, at] @ along) / np.sqrt(self.seeds))
        trial = self._trial(place, EXPECTED * error)
        low, high = np.zeros(self._studies), np.full(self._studies, WIDEST * error)
        never = ~trial.finds(high)
        for _ in range(STEPS):
            middle = (low + high) / 2
            finds = trial.finds(middle)
            low, high = np.where(finds, low, middle), np.where(finds, middle, high)
        return np.where(never, np.inf, high)

    def _trial(self, place: int, expected: float) -> "_Trial":
        """Return the studies prepared for an effect; `expected` is a size near 80 % power."""
        effects, at = self.effects, self.effects.places[place]
        effect, shift = effects.effects[place], effects.shift(effects.effects[place]) @ effects.effects[place].unit
        scores = self._scores(place)
        squares = _mean_squares(scores, effects)
        scales = _scales(_mean_squares(scores + expected * shift, effects), self.seeds)
        competing = np.full((self._studies, len(self._flips)), -np.inf)
        by_width: dict[int, Float[np.ndarray, "study flip"]] = {}
        for position, (competitor, competitor_at) in enumerate(zip(effects.effects, effects.places, strict=True)):
            if competitor.hypothesis.at == effect.hypothesis.at:  # a factor and its trend rise together
                continue
            ratio = (self._sums(scores[:, :, competitor_at]) ** 2).sum(axis=2) / scales[:, position, np.newaxis]
            by_width[competitor.width] = np.maximum(by_width.get(competitor.width, 0.0), ratio)
        for width, ratio in by_width.items():
            competing = np.maximum(competing, surprise_chi2(ratio.reshape(-1), width).reshape(ratio.shape))
        return _Trial(
            sums=self._sums(scores[:, :, at]),
            slope=self._flips.sum(axis=1) / np.sqrt(self.seeds),
            unit=effect.unit,
            squares=squares,
            along=scores[:, :, at].mean(axis=1) @ effect.unit / effect.width,
            place=place,
            competing=competing,
            seeds=self.seeds,
            allowed=self._allowed,
        )

    def _sums(self, scores: Float[np.ndarray, "study seed axis"]) -> Float[np.ndarray, "study flip axis"]:
        sums: np.ndarray = np.einsum("gb,sba->sga", self._flips, scores, optimize=True) / np.sqrt(self.seeds)
        return sums

    def _scores(self, place: int) -> Float[np.ndarray, "study seed axis"]:
        """Return the scores of studies without an effect, whose mean scores along this effect are evenly spread."""
        effect, at = self.effects.effects[place], self.effects.places[place]
        along = self._loading[at].T @ effect.unit
        scores: np.ndarray = with_even_quantiles(self._noise, along / np.linalg.norm(along)) @ self._loading.T
        return scores

    @cached_property
    def _covariance(self) -> Float[np.ndarray, "axis axis"]:
        return self.effects.covariance(self.seed_sd)

    @cached_property
    def _loading(self) -> Float[np.ndarray, "axis dimension"]:
        sizes, directions = np.linalg.eigh(self._covariance)
        loading: np.ndarray = directions * np.sqrt(np.maximum(sizes, 0))
        return loading

    @cached_property
    def _studies(self) -> int:
        flips: int = len(self._flips)
        room = min(MOST_FLIPPED // flips, MOST_NUMBERS // (flips * max(1, len(self._covariance))))
        return min(MOST_STUDIES, max(FEWEST_STUDIES, room))

    @cached_property
    def _noise(self) -> Float[np.ndarray, "study seed dimension"]:
        generator = np.random.default_rng(derive(0, "simulation"))
        size = (self._studies, max(self.seeds, MOST_SEEDS), len(self._covariance))
        return np.ascontiguousarray(generator.standard_normal(size)[:, : self.seeds])

    @cached_property
    def _flips(self) -> Float[np.ndarray, "flip seed"]:
        return flip_signs(self.seeds, ENUMERATED, DRAWN, 0).astype(float)

    @property
    def _allowed(self) -> float:
        """How many flips, the observed one included, may reach the statistic of an effect that is found."""
        flips = len(self._flips)
        is_drawn = self.seeds > ENUMERATED
        return (1 + self.level * (flips - 1) if is_drawn else self.level * flips) * (1 + ROUNDING)


@dataclass(frozen=True, eq=False)
class _Trial:
    """Studies to which an effect is added, along `unit` of its own scores.

    `sums` are the flipped sums without it, and `slope` what a flip leaves of it. `squares` are the mean squares of all
    effects without it, `along` what a size of 1 adds to its own one, halved. `competing` is the largest statistic of
    all other hypotheses under each flip.
    """

    sums: Float[np.ndarray, "study flip axis"]
    slope: Float[np.ndarray, " flip"]
    unit: Float[np.ndarray, " axis"]
    squares: Float[np.ndarray, "study effect"]
    along: Float[np.ndarray, " study"]
    place: int
    competing: Float[np.ndarray, "study flip"]
    seeds: int
    allowed: float

    def finds(self, size: Float[np.ndarray, " study"]) -> Bool[np.ndarray, " study"]:
        """Return which studies find an effect of these sizes."""
        width = len(self.unit)
        squares = self.squares.copy()
        squares[:, self.place] += 2 * size * self.along + size**2 * float(self.unit @ self.unit) / width
        scale = _scales(squares, self.seeds)[:, self.place]
        moved = np.zeros(self.competing.shape)
        for axis in range(width):
            moved += (self.sums[:, :, axis] + size[:, np.newaxis] * (self.unit[axis] * self.slope)) ** 2
        observed = moved[:, 0]
        statistic = surprise_chi2(observed / scale, width)
        reaches = moved >= (observed * (1 - SLACK))[:, np.newaxis]
        reaches |= self.competing >= statistic[:, np.newaxis] - SLACK
        finds: np.ndarray = reaches.sum(axis=1) <= self.allowed
        return finds


def _mean_squares(
    scores: Float[np.ndarray, "study seed axis"], effects: PlannedEffects
) -> Float[np.ndarray, "study effect"]:
    per_axis = (scores**2).mean(axis=1)
    return np.column_stack([per_axis[:, at].mean(axis=1) for at in effects.places])


def _scales(squares: Float[np.ndarray, "study effect"], seeds: int) -> Float[np.ndarray, "study effect"]:
    """Return the scale of each effect: its mean square, shrunken towards the median over the family."""
    pooled = np.median(squares, axis=1, keepdims=True)
    scales: np.ndarray = (POOLED_WEIGHT * pooled + seeds * squares) / (POOLED_WEIGHT + seeds)
    return scales
