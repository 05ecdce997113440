"""The verdict on a factor, its reason, and how many more seeds could decide an undecided one."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtr, ndtr, stdtrit

from ablate.inference.contexts import ContextCheck
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.family_tests import TestedHypothesis, holm, min_attainable_p
from ablate.inference.inference import Effect, FactorVerdict, Interaction, Test
from ablate.inference.kind_of_test import FEWEST_FLIPPED, KindOfTest
from ablate.inference.lost_runs import Bounds
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

MOST_SEEDS = 1_000
POWER = 0.8
MANY = 50  # degrees of freedom: from here on Student's t is as good as normal
FEW_SEEDS = "fewer than six seeds cannot show that an effect holds in other seeds"


@dataclass(frozen=True)
class Evidence:
    """What the verdict on a factor rests on.

    `within_margin` says whether the differences between any two levels are within the margin, None where that is
    unknown. `main` and `trend` are its tested hypotheses, `interactions` those of the whole table. `untested_pairs` are
    the factors whose interaction with it cannot be tested. `check_contexts` runs the test of all its contexts, with its
    mean effect removed or not. `bounds` are the trimming bounds of its differences that lost runs may have made.
    `seeds` is the number of blocks with a response, and `family_size` that of hypotheses tested in the whole table.
    """

    factor: FactorLevels
    effects: tuple[Effect, ...]
    within_margin: bool | None
    main: TestedHypothesis
    trend: TestedHypothesis | None
    interactions: tuple[Interaction, ...]
    untested_pairs: tuple[str, ...]
    check_contexts: Callable[[bool], ContextCheck | None]
    bounds: tuple[Bounds, ...]
    kind: KindOfTest
    seeds: int
    family_size: int

    @property
    def pairs(self) -> tuple[Interaction, ...]:
        """The interactions of this factor."""
        return tuple(pair for pair in self.interactions if self.factor.path in pair.factors)

    @property
    def has_few_seeds(self) -> bool:
        """Whether the seeds are too few to place an effect within the margin."""
        return self.seeds < FEWEST_FLIPPED

    @property
    def strongest(self) -> TestedHypothesis:
        """The test of the factor or of its linear trend, whichever has the smaller adjusted p."""
        tests = [test for test in (self.main, self.trend) if test is not None and test.p_adjusted is not None]
        return min(tests, key=lambda test: (test.p_adjusted, test.p), default=self.main)

    @property
    def p_adjusted(self) -> float | None:
        """The adjusted p of the strongest test."""
        return self.strongest.p_adjusted


@dataclass(frozen=True)
class _Decision:
    """A verdict, the reason for it in one sentence, and the check of contexts where one was made.

    `seeds_help` says that more seeds could change an undecided verdict.
    """

    verdict: Verdict
    reason: str
    check: ContextCheck | None = None
    seeds_help: bool = False


def decide(evidence: Evidence, settings: InferenceSettings) -> FactorVerdict:
    """Return the verdict on a factor.

    It acts only with a partner where their interaction is significant and no contrast of it is significant, with one
    sign, at every level of the partner. Where its own test is significant, it is negligible if all its effects are
    within the margin, and else a cause. It is not a cause where every effect is within the margin, no interaction is
    significant even among its own, and no context shows an effect. Else it is undecided.
    """
    significant = [pair for pair in evidence.pairs if is_significant(pair.p_adjusted, settings)]
    partners = [_partner(pair, evidence.factor) for pair in significant]
    only_with = [
        _partner(pair, evidence.factor)
        for pair in significant
        if not _holds_everywhere(pair, evidence.factor, settings)
    ]
    if only_with:
        titles = " and ".join(title for _, title in only_with)
        decision = _Decision(Verdict.ACTS_ONLY_WITH, f"Its effect depends on {titles}.")
    elif is_significant(evidence.p_adjusted, settings):
        decision = _significant(evidence, settings, has_partners=bool(partners))
    else:
        decision = _not_significant(evidence, settings, [title for _, title in partners])
    needed = more_seeds(evidence, settings) if decision.seeds_help and settings.looks is None else None
    test = evidence.strongest
    return FactorVerdict(
        factor=evidence.factor.path,
        title=evidence.factor.title,
        verdict=decision.verdict,
        partners=tuple(path for path, _ in only_with or partners),
        effects=evidence.effects,
        test=Test(test.p, test.min_attainable_p, test.untested),
        p_adjusted=evidence.p_adjusted,
        more_seeds_needed=needed,
        reason=decision.reason,
        untested_pairs=evidence.untested_pairs,
        context_check=decision.check,
        bounds=evidence.bounds,
    )


def is_significant(p: float | None, settings: InferenceSettings) -> bool:
    """Return whether a p-value is at most alpha."""
    return p is not None and p <= settings.alpha


def more_seeds(evidence: Evidence, settings: InferenceSettings) -> int | None:
    """Return how many more seeds would find, with 80 % power, the largest effect as it looks now.

    Where that effect's interval includes 0, it is the number for an effect as large as the margin. The power is that
    of a t test at alpha over the size of the family, with the spread seen so far. None where no number up to 1,000 is
    enough, where runs share no seed, and where neither an effect nor a margin tells what to look for.
    """
    bounded = [e for e in evidence.effects if e.trend is None and e.low is not None and e.high is not None]
    if not bounded or evidence.kind is KindOfTest.RUN_FLIPS:
        return None
    largest = max(bounded, key=lambda effect: abs(effect.estimate))
    low, high = largest.low or 0.0, largest.high or 0.0
    target = abs(largest.estimate) if low > 0 or high < 0 else settings.margin or 0.0
    now = largest.n_blocks
    reach = float(stdtrit(largest.freedom, 1 - settings.alpha / 2))
    spread = (high - low) / 2 / reach * np.sqrt(now)
    if target <= 0 or spread <= 0:
        return None
    level = settings.alpha / max(1, evidence.family_size)

    def is_enough(seeds: int) -> bool:
        attainable = min_attainable_p(KindOfTest.SEED_FLIPS, seeds, settings.draws) <= settings.alpha
        return attainable and _power(target / spread * np.sqrt(seeds), level, seeds - 1.0) >= POWER

    candidates = range(max(now + 1, FEWEST_FLIPPED), MOST_SEEDS + 1)
    place = bisect_left(candidates, True, key=is_enough)  # noqa: FBT003  # the key's value
    return candidates[place] - now if place < len(candidates) else None


def _significant(evidence: Evidence, settings: InferenceSettings, *, has_partners: bool) -> _Decision:
    if _losses_explain(evidence, settings):
        reason = "Its levels differ, but runs were lost because of their response; bounds that allow for it include 0."
        return _Decision(Verdict.UNDECIDED, reason)
    if evidence.kind is KindOfTest.F_TEST:
        return _Decision(
            Verdict.CAUSE_IN_THESE_SEEDS,
            "Its levels differ in these seeds by more than chance explains; other seeds may differ.",
        )
    if evidence.within_margin and not has_partners and not evidence.has_few_seeds:
        check = evidence.check_contexts(True)  # noqa: FBT003  # without the mean effect
        if check is None:
            reason = (
                "It has an effect, and all its effects are within the margin on average. Too few runs match for more."
            )
            return _Decision(Verdict.NEGLIGIBLE, reason)
        if check.is_quiet:
            return _Decision(Verdict.NEGLIGIBLE, "It has an effect, and all its effects are within the margin.", check)
    return _Decision(Verdict.CAUSE, "Its levels differ, averaged over the other factors, by more than chance explains.")


def _not_significant(evidence: Evidence, settings: InferenceSettings, partners: Sequence[str]) -> _Decision:
    main = evidence.main
    if main.untested:
        return _Decision(Verdict.UNDECIDED, f"There is no test of it: {main.untested}.")
    if settings.margin is not None and evidence.within_margin and not evidence.has_few_seeds:
        return _within_margin(evidence, settings, partners)
    reason = f"Its effects are not significant, and {_obstacle(evidence, settings)}."
    return _Decision(Verdict.UNDECIDED, reason, seeds_help=True)


def _obstacle(evidence: Evidence, settings: InferenceSettings) -> str:
    """Say why effects that are not significant are not within the margin either."""
    smallest = evidence.main.min_attainable_p
    if smallest > settings.alpha:
        return f"cannot be: these runs allow no p below {smallest:.2g}"
    if evidence.has_few_seeds:
        return FEW_SEEDS
    if settings.margin is None:
        return "no margin was set"
    if evidence.within_margin is None:
        return "too few runs show whether they are within the margin"
    return "not all of them are certain to be within the margin"


def _within_margin(evidence: Evidence, settings: InferenceSettings, partners: Sequence[str]) -> _Decision:
    """Return the decision on a factor whose effects are all within the margin, and not significant."""
    suspects = [*partners, *_suspects(evidence, settings)]
    if suspects:
        partner = " and ".join(dict.fromkeys(suspects))
        reason = f"All its effects are within the margin on average, but it may interact with {partner}."
        return _Decision(Verdict.UNDECIDED, reason)
    check = evidence.check_contexts(False)  # noqa: FBT003  # with the mean effect: any effect in any context counts
    if check is None:
        return _Decision(
            Verdict.UNDECIDED,
            "All its effects are within the margin on average, but too few runs of one seed differ in this factor "
            "alone, so effects at single levels of other factors cannot be ruled out.",
        )
    if not check.is_quiet:
        return _Decision(
            Verdict.UNDECIDED,
            "All its effects are within the margin on average, but at some levels of the other factors the response "
            "changes by more than chance explains.",
            check,
        )
    return _Decision(
        Verdict.NOT_A_CAUSE, "All its effects are within the margin, and no context shows an effect.", check
    )


def _losses_explain(evidence: Evidence, settings: InferenceSettings) -> bool:
    """Return whether runs lost by their response could have made every significant difference of a factor."""
    by_contrast = {bounds.contrast: bounds for bounds in evidence.bounds}
    differences = [effect for effect in evidence.effects if effect.trend is None]
    claimed = [effect for effect in differences if is_significant(effect.p_adjusted, settings)] or differences
    bounds = [by_contrast.get(effect.contrast) for effect in claimed]
    return bool(bounds) and all(bound is not None and bound.include_zero for bound in bounds)


def _holds_everywhere(pair: Interaction, factor: FactorLevels, settings: InferenceSettings) -> bool:
    """Return whether a contrast of the factor is significant, with one sign, at every level of the partner."""
    effects = [effect for effect in pair.simple_effects if effect.factor == factor.path]
    for name in dict.fromkeys(effect.contrast for effect in effects):
        at_levels = [effect for effect in effects if effect.contrast == name]
        significant = all(is_significant(effect.p, settings) for effect in at_levels)
        if significant and len({np.sign(effect.estimate) for effect in at_levels}) == 1:
            return True
    return False


def _suspects(evidence: Evidence, settings: InferenceSettings) -> list[str]:
    """Return the titles of partners whose interaction is significant when only the factor's own ones are counted."""
    adjusted = holm([pair.test.p for pair in evidence.pairs])
    return [
        _partner(pair, evidence.factor)[1]
        for pair, p in zip(evidence.pairs, adjusted, strict=True)
        if is_significant(p, settings)
    ]


def _partner(pair: Interaction, factor: FactorLevels) -> tuple[str, str]:
    """Return the path and the title of the second factor of a pair."""
    position = 1 if pair.factors[0] == factor.path else 0
    return pair.factors[position], pair.titles[position]


def _power(ratio: float, level: float, freedom: float) -> float:
    """Return the chance that a two-sided t test finds an effect of so many standard errors."""
    critical = float(stdtrit(freedom, 1 - level / 2))
    if freedom > MANY:  # the noncentral t underflows for many degrees of freedom
        return float(ndtr(ratio - critical))
    return float(1 - nctdtr(freedom, ratio, critical))
