"""Verdicts of a sequential study: what one look has cleared, a later look does not undo."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ablate.inference.inference import FactorVerdict, Inference, Interaction
from ablate.inference.run_table import RunTable
from ablate.inference.sequential_tests import first_blocks, first_look
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

Infer = Callable[[RunTable, InferenceSettings], Inference]


def with_earlier_clearings(inference: Inference, table: RunTable, infer_look: Infer) -> Inference:
    """Return the inference of a look, with each undecided factor as an earlier look has cleared it.

    Alpha is spent over all looks, so a test that one of them has passed stays passed. A factor with a significant
    interaction stays undecided. `infer_look` infers one look alone, and is called only where a factor is undecided and
    the study has a margin. The first look that cleared the factor counts.
    """
    settings, verdicts = inference.settings, inference.verdicts
    if settings.looks is None or settings.margin is None:
        return inference
    for seeds in range(first_look(settings.looks), min(len(table.blocks), settings.looks.last + 1)):
        if not any(_may_be_cleared(verdict, inference.interactions, settings) for verdict in verdicts):
            break
        earlier = {verdict.factor: verdict for verdict in infer_look(first_blocks(table, seeds), settings).verdicts}
        verdicts = tuple(
            _cleared(verdict, earlier[verdict.factor], seeds)
            if verdict.factor in earlier and _may_be_cleared(verdict, inference.interactions, settings)
            else verdict
            for verdict in verdicts
        )
    return replace(inference, verdicts=verdicts)


def _may_be_cleared(verdict: FactorVerdict, interactions: Sequence[Interaction], settings: InferenceSettings) -> bool:
    has_partner = any(
        verdict.factor in pair.factors and pair.p_adjusted is not None and pair.p_adjusted <= settings.alpha
        for pair in interactions
    )
    return verdict.verdict is Verdict.UNDECIDED and not has_partner


def _cleared(verdict: FactorVerdict, earlier: FactorVerdict, seeds: int) -> FactorVerdict:
    if earlier.verdict is not Verdict.NOT_A_CAUSE:
        return verdict
    return replace(
        verdict,
        verdict=Verdict.NOT_A_CAUSE,
        more_seeds_needed=None,
        context_check=earlier.context_check,
        reason=f"The look at {seeds} seeds cleared it: all its effects were within the margin there, and no context "
        "showed an effect.",
    )
