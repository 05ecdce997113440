"""Compares the verdicts and effects of an inference with the truth that its table was simulated from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.inference.calibration.published.planted import Truth
from ablate.inference.calibration.scenarios import SimulatedStudy, Sizes
from ablate.inference.factor_levels import contrasts
from ablate.inference.inference import Effect, FactorVerdict, Inference
from ablate.inference.verdict import Verdict

NOTHING = 1e-9  # standard deviations: a smaller true effect is rounding
TrueEffects = Sequence[tuple[Effect, float]]
TrueContrast = Callable[[int, Sequence[str], Float[np.ndarray, " level"]], float | None]
"""The true contrast of a factor by position: of these of its levels, with these weights; None if it is not defined."""


@dataclass(frozen=True)
class Judgment:
    """One study's right and wrong verdicts and intervals, counted.

    `false_alarm`: a factor or pair without an effect got a verdict that claims one; None if every factor has one.
    `false_main` counts factors alone, `false_pair` pairs alone, and `false_cause` the verdict "cause" alone.
    `cleared`: a factor that must not be got a verdict that claims equivalence; None if there is no such factor.
    `detected`: the planted causes are called causes, the planted pair is said to act only with each other; None if
    nothing was planted. `covered` of `intervals` confidence intervals contain the true effect. `with_interval` of
    `effects` effects have a confidence interval. Of the `signed` effects, which are significant and have a true effect,
    `wrong_sign` have the wrong sign. `open_direction` of `claims` factors are called causes while each of their
    intervals holds 0. `undecided` of `factors` are undecided. `refused`: the table was refused. `seeds` were used.
    """

    false_alarm: bool | None
    cleared: bool | None
    detected: bool | None
    covered: int
    intervals: int
    wrong_sign: int
    signed: int
    undecided: int
    factors: int
    false_main: bool | None = None
    false_pair: bool | None = None
    false_cause: bool | None = None
    with_interval: int = 0
    effects: int = 0
    open_direction: int = 0
    claims: int = 0
    refused: bool = False
    seeds: int = 0


def judge(inference: Inference, study: SimulatedStudy, sizes: Sizes) -> Judgment:
    """Compare an inference with the truth of the study that it was made from."""
    layout, planted = study.layout, study.planted

    def true_contrast(factor: int, levels: Sequence[str], weights: Float[np.ndarray, " level"]) -> float:
        return layout.contrast(planted.means, factor, _on_all_levels(layout.factors[factor].levels, levels, weights))

    pairs = frozenset({planted.pair}) if planted.pair else frozenset()
    large = {
        effect.factor for effect, true in _true_effects(inference, true_contrast) if abs(true) > sizes.margin - NOTHING
    }
    relevant = {position for position, factor in enumerate(layout.factors) if factor.path in large}
    truth = Truth(
        causes=frozenset(planted.causes),
        pairs=pairs,
        relevant=frozenset(relevant | set(planted.pair or ())),
        to_detect=frozenset(planted.pair or planted.causes),
    )
    return judge_inference(inference, truth, true_contrast, layout.blocks)


def judge_against(inference: Inference, truth: Truth, seeds: int) -> Judgment:
    """Compare an inference with a truth that knows the means of levels."""
    names = [factor.levels for factor in inference.factors]

    def true_contrast(factor: int, levels: Sequence[str], weights: Float[np.ndarray, " level"]) -> float | None:
        if truth.level_means is None:
            return None
        return float(truth.level_means[factor] @ _on_all_levels(names[factor], levels, weights))

    return judge_inference(inference, truth, true_contrast, seeds)


def judge_inference(inference: Inference, truth: Truth, true_contrast: TrueContrast, seeds: int) -> Judgment:
    """Compare an inference with a truth about the positions of its factors."""
    by_factor = {verdict.factor: verdict for verdict in inference.verdicts}
    verdicts = [by_factor[factor.path] for factor in inference.factors]
    estimated = [effect for verdict in verdicts for effect in verdict.effects]
    effects = _true_effects(inference, true_contrast)
    bounded = [(e.low, e.high, true) for e, true in effects if e.low is not None and e.high is not None]
    alpha = inference.settings.alpha
    significant = [(e, true) for e, true in effects if e.p_adjusted is not None and e.p_adjusted <= alpha]
    signed = [(e.estimate, true) for e, true in significant if abs(true) > NOTHING]
    idle = [verdict for position, verdict in enumerate(verdicts) if position not in truth.active]
    false_main = any(v.verdict.claims_effect and v.verdict is not Verdict.ACTS_ONLY_WITH for v in idle)
    false_pair = _claims_false_pair(inference, verdicts, truth)
    false_pair = false_pair or any(verdict.verdict is Verdict.ACTS_ONLY_WITH for verdict in idle)
    causes = [v for v in verdicts if v.verdict in (Verdict.CAUSE, Verdict.CAUSE_IN_THESE_SEEDS)]
    relevant = [verdicts[position].verdict for position in sorted(truth.relevant)]
    return Judgment(
        false_alarm=(false_main or false_pair) if idle else None,
        cleared=any(verdict.claims_equivalence for verdict in relevant) if relevant else None,
        detected=_is_detected(verdicts, truth),
        covered=sum(low <= true <= high for low, high, true in bounded),
        intervals=len(bounded),
        wrong_sign=sum(bool(np.sign(estimate) != np.sign(true)) for estimate, true in signed),
        signed=len(signed),
        undecided=sum(verdict.verdict is Verdict.UNDECIDED for verdict in verdicts),
        factors=len(verdicts),
        false_main=false_main if idle else None,
        false_pair=false_pair if idle else None,
        false_cause=any(verdict.verdict is Verdict.CAUSE for verdict in idle) if idle else None,
        with_interval=sum(effect.low is not None for effect in estimated),
        effects=len(estimated),
        open_direction=sum(_direction_is_open(verdict) for verdict in causes),
        claims=len(causes),
        seeds=seeds,
    )


def refusal(truth: Truth, factors: int, seeds: int) -> Judgment:
    """Return the judgment of a table that was refused in words: nothing is claimed, and nothing is found."""
    return Judgment(
        false_alarm=False,
        cleared=False if truth.relevant else None,
        detected=False if truth.to_detect else None,
        covered=0,
        intervals=0,
        wrong_sign=0,
        signed=0,
        undecided=factors,
        factors=factors,
        false_main=False,
        false_pair=False,
        false_cause=False,
        refused=True,
        seeds=seeds,
    )


def _true_effects(inference: Inference, true_contrast: TrueContrast) -> TrueEffects:
    """Return every estimated effect that has a true value, with that value."""
    true_value = {
        (factor.path, contrast.name): true_contrast(position, factor.levels, contrast.weights)
        for position, factor in enumerate(inference.factors)
        for contrast in contrasts(factor)
    }
    pairs = ((e, true_value[e.factor, e.contrast]) for verdict in inference.verdicts for e in verdict.effects)
    return [(effect, true) for effect, true in pairs if true is not None]


def _on_all_levels(
    planned: Sequence[str], levels: Sequence[str], weights: Float[np.ndarray, " level"]
) -> Float[np.ndarray, " level"]:
    """Return the weights on the planned levels; all runs of a level may have failed."""
    on_all = np.zeros(len(planned))
    on_all[[planned.index(level) for level in levels]] = weights
    return on_all


def _claims_false_pair(inference: Inference, verdicts: Sequence[FactorVerdict], truth: Truth) -> bool:
    """Return whether a pair without an interaction is significant, or a factor is said to act only with another."""
    positions = {factor.path: position for position, factor in enumerate(inference.factors)}
    true_pairs = {frozenset(pair) for pair in truth.pairs}
    alpha = inference.settings.alpha
    claimed = [
        pair.factors for pair in inference.interactions if pair.p_adjusted is not None and pair.p_adjusted <= alpha
    ]
    claimed += [(verdict.factor, partner) for verdict in verdicts for partner in verdict.partners]
    return any(frozenset(positions[factor] for factor in pair) not in true_pairs for pair in claimed)


def _is_detected(verdicts: Sequence[FactorVerdict], truth: Truth) -> bool | None:
    if not truth.to_detect:
        return None
    if truth.to_detect <= truth.causes:
        return all(_is_named(verdicts[position], is_large=position in truth.relevant) for position in truth.to_detect)
    first, second = (verdicts[position] for position in sorted(truth.to_detect))
    both = first.verdict is second.verdict is Verdict.ACTS_ONLY_WITH
    return both and second.factor in first.partners and first.factor in second.partners


def _is_named(verdict: FactorVerdict, *, is_large: bool) -> bool:
    """Return whether a cause is named; one whose effect is within the margin may also be called negligible."""
    if verdict.verdict is Verdict.NEGLIGIBLE:
        return not is_large
    return verdict.verdict in (Verdict.CAUSE, Verdict.CAUSE_IN_THESE_SEEDS)


def _direction_is_open(verdict: FactorVerdict) -> bool:
    intervals = [(e.low, e.high) for e in verdict.effects if e.low is not None and e.high is not None]
    return bool(intervals) and all(low <= 0 <= high for low, high in intervals)
