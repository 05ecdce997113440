"""What was said of a simulated study, beside what is true of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ablate.inference.calibration.scenario import Sizes
from ablate.inference.calibration.simulate import Simulated
from ablate.inference.contrasts import contrasts
from ablate.inference.inference import Effect, FactorVerdict, Inference
from ablate.inference.verdict import Verdict

NOTHING = 1e-9
"""Standard deviations: a true effect below is one of rounding."""
TrueEffects = Sequence[tuple[Effect, float]]


@dataclass(frozen=True)
class Judgment:
    """One study's verdicts and intervals, counted.

    `false_alarm`: a factor that does nothing was named a cause, or as acting with another; None where each does
    something. `cleared`: a factor whose effect reaches the margin, or that acts in a pair, was named no cause; None
    where there is none. `found`: what was planted was named rightly, a cause as a cause, a pair as acting with each
    other; None where nothing was. `covered` of `intervals` hold the true effect. `signed` effects are those with a true
    effect and an adjusted p of at most alpha; `wrong_sign` of them point the other way. `undecided` of `factors` were
    left so.
    """

    false_alarm: bool | None
    cleared: bool | None
    found: bool | None
    covered: int
    intervals: int
    wrong_sign: int
    signed: int
    undecided: int
    factors: int


def judge(inference: Inference, study: Simulated, sizes: Sizes) -> Judgment:
    """Hold an inference to the truth of the study it was made from."""
    said = {verdict.factor: verdict for verdict in inference.verdicts}
    verdicts = [said[factor.path] for factor in study.layout.factors]
    effects = _true_effects(inference, study)
    bounded = [(e.low, e.high, true) for e, true in effects if e.low is not None and e.high is not None]
    alpha = inference.settings.alpha
    significant = [(e, true) for e, true in effects if e.p_adjusted is not None and e.p_adjusted <= alpha]
    signed = [(e.estimate, true) for e, true in significant if abs(true) > NOTHING]
    return Judgment(
        false_alarm=_false_alarm(verdicts, study),
        cleared=_cleared(verdicts, effects, study, sizes),
        found=_found(verdicts, study),
        covered=sum(low <= true <= high for low, high, true in bounded),
        intervals=len(bounded),
        wrong_sign=sum(bool(np.sign(estimate) != np.sign(true)) for estimate, true in signed),
        signed=len(signed),
        undecided=sum(verdict.verdict is Verdict.UNDECIDED for verdict in verdicts),
        factors=len(verdicts),
    )


def _true_effects(inference: Inference, study: Simulated) -> TrueEffects:
    """Return every effect that was estimated, with what it truly is."""
    planned = {factor.path: position for position, factor in enumerate(study.layout.factors)}
    target = {
        (factor.path, contrast.name): _target(study, planned[factor.path], factor.levels, contrast.weights)
        for factor in inference.factors
        for contrast in contrasts(factor)
    }
    return [(e, target[e.factor, e.contrast]) for verdict in inference.verdicts for e in verdict.effects]


def _target(study: Simulated, factor: int, levels: Sequence[str], weights: np.ndarray) -> float:
    """Return the true contrast of the levels that are left; all runs of the others may have failed."""
    planned = study.layout.factors[factor].levels
    of_all = np.zeros(len(planned))
    of_all[[planned.index(level) for level in levels]] = weights
    return study.layout.contrast(study.planted.means, factor, of_all)


def _active(study: Simulated) -> set[int]:
    return {*study.planted.causes, *(study.planted.pair or ())}


def _false_alarm(verdicts: Sequence[FactorVerdict], study: Simulated) -> bool | None:
    idle = [verdict.verdict for factor, verdict in enumerate(verdicts) if factor not in _active(study)]
    return any(verdict.claims_effect for verdict in idle) if idle else None


def _cleared(verdicts: Sequence[FactorVerdict], effects: TrueEffects, study: Simulated, sizes: Sizes) -> bool | None:
    large = {effect.factor for effect, true in effects if abs(true) > sizes.margin - NOTHING}
    paired = {study.layout.factors[factor].path for factor in study.planted.pair or ()}
    relevant = [verdict.verdict for verdict in verdicts if verdict.factor in large | paired]
    return any(verdict.claims_equivalence for verdict in relevant) if relevant else None


def _found(verdicts: Sequence[FactorVerdict], study: Simulated) -> bool | None:
    if study.planted.pair:
        first, second = (verdicts[factor] for factor in study.planted.pair)
        both = first.verdict is second.verdict is Verdict.ACTS_ONLY_WITH
        return both and second.factor in first.partners and first.factor in second.partners
    causes = [verdicts[factor].verdict for factor in study.planted.causes]
    return all(verdict is Verdict.CAUSE for verdict in causes) if causes else None
