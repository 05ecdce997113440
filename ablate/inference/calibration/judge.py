"""Compares the verdicts and effects of a simulated study with its truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.inference.calibration.scenarios import SimulatedStudy, Sizes
from ablate.inference.factor_levels import contrasts
from ablate.inference.inference import Effect, FactorVerdict, Inference
from ablate.inference.verdict import Verdict

NOTHING = 1e-9  # standard deviations: a smaller true effect is rounding
TrueEffects = Sequence[tuple[Effect, float]]


@dataclass(frozen=True)
class Judgment:
    """One study's right and wrong verdicts and intervals, counted.

    `false_alarm`: a factor without an effect got a verdict that claims one; None if every factor has one.
    `cleared`: a factor whose effect reaches the margin, or that is part of a pair, got a verdict that claims
    equivalence; None if there is no such factor. `detected`: the planted cause is called a cause, the planted pair is
    said to act only with each other; None if nothing was planted. `covered` of `intervals` confidence intervals
    contain the true effect. Of the `signed` effects, which are significant and have a true effect, `wrong_sign` have
    the wrong sign. `undecided` of `factors` are undecided.
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


def judge(inference: Inference, study: SimulatedStudy, sizes: Sizes) -> Judgment:
    """Compare an inference with the truth of the study that it was made from."""
    by_factor = {verdict.factor: verdict for verdict in inference.verdicts}
    verdicts = [by_factor[factor.path] for factor in study.layout.factors]
    effects = _true_effects(inference, study)
    bounded = [(e.low, e.high, true) for e, true in effects if e.low is not None and e.high is not None]
    alpha = inference.settings.alpha
    significant = [(e, true) for e, true in effects if e.p_adjusted is not None and e.p_adjusted <= alpha]
    signed = [(e.estimate, true) for e, true in significant if abs(true) > NOTHING]
    return Judgment(
        false_alarm=_false_alarm(verdicts, study),
        cleared=_cleared(verdicts, effects, study, sizes),
        detected=_is_detected(verdicts, study),
        covered=sum(low <= true <= high for low, high, true in bounded),
        intervals=len(bounded),
        wrong_sign=sum(bool(np.sign(estimate) != np.sign(true)) for estimate, true in signed),
        signed=len(signed),
        undecided=sum(verdict.verdict is Verdict.UNDECIDED for verdict in verdicts),
        factors=len(verdicts),
    )


def _true_effects(inference: Inference, study: SimulatedStudy) -> TrueEffects:
    """Return every estimated effect with its true value."""
    positions = {factor.path: position for position, factor in enumerate(study.layout.factors)}
    true_value = {
        (factor.path, contrast.name): _true_contrast(study, positions[factor.path], factor.levels, contrast.weights)
        for factor in inference.factors
        for contrast in contrasts(factor)
    }
    return [(e, true_value[e.factor, e.contrast]) for verdict in inference.verdicts for e in verdict.effects]


def _true_contrast(
    study: SimulatedStudy, factor: int, levels: Sequence[str], weights: Float[np.ndarray, " level"]
) -> float:
    """Return the true contrast of the levels that have a response; all runs of a level may have failed."""
    planned = study.layout.factors[factor].levels
    all_weights = np.zeros(len(planned))
    all_weights[[planned.index(level) for level in levels]] = weights
    return study.layout.contrast(study.planted.means, factor, all_weights)


def _active(study: SimulatedStudy) -> set[int]:
    return {*study.planted.causes, *(study.planted.pair or ())}


def _false_alarm(verdicts: Sequence[FactorVerdict], study: SimulatedStudy) -> bool | None:
    idle = [verdict.verdict for factor, verdict in enumerate(verdicts) if factor not in _active(study)]
    return any(verdict.claims_effect for verdict in idle) if idle else None


def _cleared(
    verdicts: Sequence[FactorVerdict], effects: TrueEffects, study: SimulatedStudy, sizes: Sizes
) -> bool | None:
    large = {effect.factor for effect, true in effects if abs(true) > sizes.margin - NOTHING}
    paired = {study.layout.factors[factor].path for factor in study.planted.pair or ()}
    relevant = [verdict.verdict for verdict in verdicts if verdict.factor in large | paired]
    return any(verdict.claims_equivalence for verdict in relevant) if relevant else None


def _is_detected(verdicts: Sequence[FactorVerdict], study: SimulatedStudy) -> bool | None:
    if study.planted.pair:
        first, second = (verdicts[factor] for factor in study.planted.pair)
        both = first.verdict is second.verdict is Verdict.ACTS_ONLY_WITH
        return both and second.factor in first.partners and first.factor in second.partners
    causes = [verdicts[factor].verdict for factor in study.planted.causes]
    return all(verdict is Verdict.CAUSE for verdict in causes) if causes else None
