"""What weakens an inference, in sentences for its reader."""

from collections.abc import Iterator, Sequence

import numpy as np

from ablate.inference.hypotheses import Hypothesis
from ablate.inference.inference import FactorVerdict
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings
from ablate.inference.verdict import Verdict

AT_BOUND, NEAR = 0.2, 0.01  # of the runs; of the range


def weaknesses(  # the table before and after, and what was made of it
    table: RunTable,
    own: RunTable,
    settings: InferenceSettings,
    verdicts: Sequence[FactorVerdict],
    hypotheses: Sequence[Hypothesis],
    *,
    unsteady: bool,
) -> tuple[str, ...]:
    """Return one sentence for each thing that a reader of the verdicts must know."""
    return (
        *_seeds(own, hypotheses, unsteady=unsteady),
        *_lost(table, own),
        *_unbalanced(hypotheses),
        *_bounded(own, settings),
        *_no_margin(verdicts, settings),
    )


def _seeds(own: RunTable, hypotheses: Sequence[Hypothesis], *, unsteady: bool) -> Iterator[str]:
    blocks = len(np.unique(own.block[own.defined]))
    if not blocks:
        return
    if blocks < FEWEST_BLOCKS:
        yield "With one seed nothing says how much a result varies by itself, so nothing is decided."
    elif unsteady:
        yield (
            f"Effects change from seed to seed by more than single runs do, so only whole seeds count as evidence; "
            f"{blocks} of them are few."
        )
    elif any(hypothesis.how != "none" and hypothesis.unit == "run" for hypothesis in hypotheses):
        yield (
            f"{blocks} seeds alone are too few to decide, so single runs are the unit of the tests. That takes the "
            "effects to be the same in every seed; an F test found nothing against it."
        )


def _lost(table: RunTable, own: RunTable) -> Iterator[str]:
    lost = int((~table.defined).sum())
    if lost:
        yield (
            f"{lost} of {len(table.response)} runs have no response. They are missing from every effect, and runs that "
            "fail are seldom the average ones."
        )
    for before, after in zip(table.factors, own.factors, strict=True):
        gone = [level for level in before.levels if level not in after.levels]
        if gone:
            yield f"No run of {before.title} {', '.join(gone)} has a response, so nothing is said of it."


def _unbalanced(hypotheses: Sequence[Hypothesis]) -> Iterator[str]:
    if any(hypothesis.how == "linear" for hypothesis in hypotheses):
        yield (
            "Some effects have too few matched runs and come from a linear model, which takes the interactions that it "
            "leaves out to be absent."
        )
    unseen = sum(hypothesis.how == "none" and len(hypothesis.at) > 1 for hypothesis in hypotheses)
    if unseen:
        yield (
            f"{unseen} of the interactions cannot be seen in these runs; effects may hold only at the levels that were "
            "run."
        )


def _bounded(own: RunTable, settings: InferenceSettings) -> Iterator[str]:
    if settings.bounds is None or not own.defined.any():
        return
    low, high = settings.bounds
    values, near = own.response[own.defined], NEAR * (high - low)
    share = float(np.mean((values <= low + near) | (values >= high - near)))
    if share >= AT_BOUND:
        yield (
            f"{100 * share:.0f} % of the runs lie at a bound of the response, where effects are squeezed: an "
            "interaction may only mean that."
        )


def _no_margin(verdicts: Sequence[FactorVerdict], settings: InferenceSettings) -> Iterator[str]:
    if settings.margin is None and any(verdict.verdict is Verdict.UNDECIDED for verdict in verdicts):
        yield "No margin was set, so no factor can be said to be no cause."
