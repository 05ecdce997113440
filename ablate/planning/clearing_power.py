"""The chance that a factor without effect is called "not a cause": equivalence tests, then the check of contexts."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from ablate.core.seeds import derive
from ablate.inference.contexts import context_check
from ablate.inference.kind_of_test import FEWEST_FLIPPED
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.planning.planned_effects import PlannedEffect, PlannedEffects

STUDIES = 4_000  # the chance that two one-sided tests pass is then known to a percentage point
CHECKED = 100  # studies with a check of contexts, which passes in nearly all of them: known to 2 percentage points
MOST_TRIES = 2_000  # where few studies pass the equivalence tests, fewer are checked
CHECK_DRAWS = 249  # permutations of a check; more would change its level by less than a point
MOST_RUNS = 5_000  # in a larger table the checks would take minutes


def clearing_power(
    effects: PlannedEffects, table: RunTable, settings: InferenceSettings, margin: float, seed_sd: float
) -> dict[str, float]:
    """Return the chance, in [0, 1], that each factor is called "not a cause" if nothing has an effect.

    `margin` and `seed_sd`, the standard deviation of effects between seeds, are in standard deviations of a run. Below
    six seeds nothing is cleared. Interactions that are suspected by chance count with alpha.
    """
    if len(table.blocks) < FEWEST_FLIPPED or len(table.block) > MOST_RUNS:
        return {}
    simulation = _Simulation(effects, table, settings, margin, seed_sd)
    chances: dict[tuple[object, ...], float] = {}
    by_factor = {}
    for effect in effects.effects:
        if effect.hypothesis.is_main_effect:
            alike = simulation.relations(effect)
            if alike not in chances:
                chances[alike] = simulation.chance(effect)
            by_factor[effect.hypothesis.factors[0]] = chances[alike]
    return by_factor


@dataclass(frozen=True, eq=False)
class _Simulation:
    """Simulated studies of a plan in which nothing has an effect."""

    effects: PlannedEffects
    table: RunTable
    settings: InferenceSettings
    margin: float
    seed_sd: float

    def relations(self, effect: PlannedEffect) -> tuple[object, ...]:
        """Return what decides the chance; it is equal for factors with equal chances."""
        return (
            self._has_pairs(effect),
            self._contrasts(effect).shape,
            np.abs(self._contrasts(effect)).round(6).tobytes(),
        )

    def chance(self, effect: PlannedEffect) -> float:
        """Return the chance that the factor of this main effect is called "not a cause"."""
        generator = np.random.default_rng(derive(0, "simulation"))
        spread = np.sqrt(1 + (self.seed_sd / effect.error) ** 2)
        scores = spread * generator.standard_normal((STUDIES, len(self.table.blocks), effect.width))
        within = float(self._is_within(effect, scores).mean())
        suspected = self.settings.alpha if self._has_pairs(effect) else 0.0
        return within * (1 - suspected) * self._quiet(effect, generator) if within else 0.0

    def _quiet(self, effect: PlannedEffect, generator: np.random.Generator) -> float:
        """Return the share of studies within the margin whose check of contexts is quiet."""
        (position,) = effect.hypothesis.at
        settings = self.settings.model_copy(update={"draws": CHECK_DRAWS})
        checked = quiet = tries = 0
        while checked < CHECKED and tries < MOST_TRIES:
            tries += 1
            responses = self._responses(generator)
            if not self._is_within(effect, (responses @ effect.axes)[np.newaxis])[0]:
                continue
            check = context_check(replace(self.table, response=responses.reshape(-1)), position, settings)
            if check is None:
                return 0.0
            checked, quiet = checked + 1, quiet + check.is_quiet
        return quiet / checked if checked else 1.0

    def _responses(self, generator: np.random.Generator) -> Float[np.ndarray, "seed cell"]:
        seeds = len(self.table.blocks)
        responses = generator.standard_normal((seeds, self.effects.cells))
        for effect in self.effects.effects:
            if self.seed_sd and not effect.hypothesis.is_trend:
                varies = generator.standard_normal((seeds, effect.width)) * (self.seed_sd / effect.error)
                responses += varies @ effect.pattern.T
        return responses

    def _is_within(
        self, effect: PlannedEffect, scores: Float[np.ndarray, "study seed axis"]
    ) -> Bool[np.ndarray, " study"]:
        """Return in which studies two one-sided t tests place every difference from the baseline within the margin.

        In a complete table the robust error of the analysis is that of the seeds' differences, with seeds - 1 degrees
        of freedom.
        """
        seeds = scores.shape[1]
        by_seed = scores @ self._contrasts(effect).T
        reach = stats.t.ppf(1 - self.settings.alpha, seeds - 1) * by_seed.std(axis=1, ddof=1) / np.sqrt(seeds)
        within: np.ndarray = (np.abs(by_seed.mean(axis=1)) + reach < self.margin).all(axis=1)
        return within

    def _contrasts(self, effect: PlannedEffect) -> Float[np.ndarray, "difference axis"]:
        """Return what scores of 1 along each axis make of the differences from the baseline."""
        (position,) = effect.hypothesis.at
        factor, levels = self.table.factors[position], self.table.levels[: self.effects.cells, position]
        baseline = factor.levels.index(factor.baseline)
        first = {level: int(np.argmax(levels == level)) for level in np.unique(levels).tolist()}
        compared = [place for level, place in first.items() if level != baseline]
        differences: np.ndarray = effect.pattern[compared] - effect.pattern[first.get(baseline, 0)]
        return differences[-1:] if factor.numeric else differences

    def _has_pairs(self, effect: PlannedEffect) -> bool:
        (position,) = effect.hypothesis.at
        return any(
            position in tested.hypothesis.at for tested in self.effects.effects if tested.hypothesis.is_interaction
        )
