"""The verdict on a factor, and how many more seeds could decide an undecided one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import holm
from ablate.inference.inference import Effect, FactorVerdict, Interaction, Test, Unit
from ablate.inference.permutation import smallest_p
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings
from ablate.inference.verdict import Verdict

MOST_SEEDS = 1_000
POWER = 0.8
MANY = 50  # seeds: from here on Student's t is as good as normal


@dataclass(frozen=True)
class Evidence:
    """What the verdict on a factor rests on: its effects, its test, and the interactions of the whole table.

    `untested_pairs` are the factors whose interaction with it cannot be estimated.
    """

    factor: FactorLevels
    effects: tuple[Effect, ...]
    test: Test
    p_adjusted: float | None
    interactions: tuple[Interaction, ...]
    untested_pairs: tuple[str, ...] = ()

    @property
    def pairs(self) -> tuple[Interaction, ...]:
        """The interactions of this factor."""
        return tuple(pair for pair in self.interactions if self.factor.path in pair.factors)


def decide(evidence: Evidence, settings: InferenceSettings, family_size: int) -> FactorVerdict:
    """Return the verdict on a factor; `family_size` is the number of hypotheses tested in the whole table.

    It acts only with a partner where their interaction is significant and no contrast of it is significant, with one
    sign, at every level of the partner. It is a cause where its own test is significant. It is not a cause where every
    effect is within the margin and no interaction is significant even among its own. Else it is undecided.
    """
    factor, test = evidence.factor, evidence.test
    significant = [pair for pair in evidence.pairs if _is_significant(pair.p_adjusted, settings)]
    partners = [_partner(pair, factor) for pair in significant if not _holds_everywhere(pair, factor, settings)]
    verdict = Verdict.UNDECIDED
    if partners:
        verdict = Verdict.ACTS_ONLY_WITH
    elif _is_significant(evidence.p_adjusted, settings):
        verdict = Verdict.CAUSE
    elif not significant and _all_equivalent(evidence.effects) and not _any_significant_alone(evidence, settings):
        verdict = Verdict.NOT_A_CAUSE
    undecided = verdict is Verdict.UNDECIDED
    needed = more_seeds(evidence.effects, test.unit, settings, family_size) if undecided else None
    return FactorVerdict(
        factor=factor.path,
        title=factor.title,
        verdict=verdict,
        partners=tuple(path for path, _ in partners),
        effects=evidence.effects,
        test=test,
        p_adjusted=evidence.p_adjusted,
        more_seeds_needed=needed,
        reason=_reason(verdict, [title for _, title in partners], test, settings, needed),
        untested_pairs=evidence.untested_pairs,
    )


def more_seeds(effects: Sequence[Effect], unit: Unit, settings: InferenceSettings, family_size: int) -> int | None:
    """Return how many more seeds find the largest effect seen, or one as large as the margin, with 80 % power.

    The power is that of a t test at the first step of Holm's procedure, with the spread seen so far: over seeds once
    these are the unit, else over so many runs that t is normal. None where no number up to 1,000 is enough, and where
    there is no effect with a confidence interval.
    """
    bounded = [
        effect for effect in effects if effect.trend is None and effect.low is not None and effect.high is not None
    ]
    if not bounded:
        return None
    largest = max(bounded, key=lambda effect: abs(effect.estimate))
    target = max(abs(largest.estimate), settings.margin or 0.0)
    now = largest.n_blocks
    quantile = float(stats.t.ppf(1 - settings.alpha / 2, now - 1 if unit == "block" else np.inf))
    spread = ((largest.high or 0.0) - (largest.low or 0.0)) / 2 / quantile * np.sqrt(now)
    if target == 0 or spread == 0:
        return None
    level, seeds = settings.alpha / family_size, np.arange(now + 1, MOST_SEEDS + 1)
    seeds_are_units = seeds >= _fewest_seeds_as_units(level, settings)
    freedom = np.where(seeds_are_units & (seeds <= MANY), seeds - 1.0, np.inf)
    power = _power(target / spread * np.sqrt(seeds), level, freedom)
    enough = (power >= POWER) & (seeds_are_units | (largest.n_runs > 2 * now))
    return int(seeds[enough.argmax()]) - now if enough.any() else None


def _holds_everywhere(pair: Interaction, factor: FactorLevels, settings: InferenceSettings) -> bool:
    """Return whether a contrast of the factor is significant, with one sign, at every level of the partner."""
    effects = [effect for effect in pair.simple_effects if effect.factor == factor.path]
    for name in dict.fromkeys(effect.contrast for effect in effects):
        at_levels = [effect for effect in effects if effect.contrast == name]
        significant = all(_is_significant(effect.p, settings) for effect in at_levels)
        if significant and len({np.sign(effect.estimate) for effect in at_levels}) == 1:
            return True
    return False


def _all_equivalent(effects: Sequence[Effect]) -> bool:
    differences = [effect for effect in effects if effect.trend is None]
    return bool(differences) and all(
        effect.equivalent is True and effect.n_blocks >= FEWEST_BLOCKS for effect in differences
    )


def _any_significant_alone(evidence: Evidence, settings: InferenceSettings) -> bool:
    """Return whether an interaction of the factor is significant when only its own interactions are counted."""
    return any(_is_significant(p, settings) for p in holm([pair.test.p for pair in evidence.pairs]))


def _is_significant(p: float | None, settings: InferenceSettings) -> bool:
    return p is not None and p <= settings.alpha


def _reason(
    verdict: Verdict, partners: Sequence[str], test: Test, settings: InferenceSettings, needed: int | None
) -> str:
    match verdict:
        case Verdict.CAUSE:
            return "Its levels differ, averaged over the other factors, by more than chance explains."
        case Verdict.CAUSE_IN_THESE_SEEDS:
            return "Its levels differ in these seeds by more than chance explains; other seeds may differ."
        case Verdict.ACTS_ONLY_WITH:
            return f"Its effect depends on {' and '.join(partners)}."
        case Verdict.NEGLIGIBLE:
            return "It has an effect, and all its effects are within the margin."
        case Verdict.NOT_A_CAUSE:
            return "All its effects are within the margin."
        case Verdict.UNDECIDED:
            return _reason_undecided(test, settings, needed)
        case unknown:
            assert_never(unknown)


def _reason_undecided(test: Test, settings: InferenceSettings, needed: int | None) -> str:
    if test.p is None:
        return "These runs allow no test of it."
    margin = "nor are they all within the margin" if settings.margin is not None else "and no margin was set"
    more = f"; about {needed} more seeds may decide it" if needed else ""
    return f"Its effects are not significant, {margin}{more}."


def _partner(pair: Interaction, factor: FactorLevels) -> tuple[str, str]:
    """Return the path and the title of the second factor of a pair."""
    position = 1 if pair.factors[0] == factor.path else 0
    return pair.factors[position], pair.titles[position]


def _fewest_seeds_as_units(level: float, settings: InferenceSettings) -> int:
    """Return from how many seeds on a permutation of whole seeds can reach this level."""
    reaching = (n for n in range(FEWEST_BLOCKS, MANY) if smallest_p((2,), n, settings.permutations) <= level)
    return next(reaching, MOST_SEEDS + 1)


def _power(ratio: Float[np.ndarray, " n"], level: float, freedom: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the chance that a two-sided t test finds an effect of so many standard errors."""
    critical, few = np.asarray(stats.t.ppf(1 - level / 2, freedom)), np.isfinite(freedom)
    power = np.asarray(stats.norm.sf(critical - ratio))
    power[few] = stats.nct.sf(critical[few], freedom[few], ratio[few])
    return power
