"""The caveats of an inference, one sentence each."""

from collections.abc import Iterator, Sequence

import numpy as np

from ablate.inference.hypotheses import Family
from ablate.inference.inference import FactorVerdict
from ablate.inference.run_table import RunTable
from ablate.inference.settings import FEWEST_BLOCKS, InferenceSettings
from ablate.inference.verdict import Verdict

AT_BOUND = 0.2  # of the runs: beyond it, a bound compresses the effects of whole levels
NEAR = 0.01  # of the response's range


def inference_caveats(  # the table before and after, and its analysis
    table: RunTable,
    measured: RunTable,
    settings: InferenceSettings,
    verdicts: Sequence[FactorVerdict],
    family: Family,
    *,
    has_seed_interaction: bool,
) -> tuple[str, ...]:
    """Return one sentence for each limit of the verdicts.

    `measured` is the table without the levels that have no response; `has_seed_interaction` says that an F test found
    effects that change from seed to seed.
    """
    return (
        *_seeds(measured, family, has_seed_interaction=has_seed_interaction),
        *_lost(table, measured),
        *_unbalanced(family),
        *_bounded(measured, settings),
        *_no_margin(verdicts, settings),
    )


def _seeds(measured: RunTable, family: Family, *, has_seed_interaction: bool) -> Iterator[str]:
    blocks = measured.measured_blocks
    if not blocks:
        return
    if blocks < FEWEST_BLOCKS:
        yield "One seed does not show how much a result varies between seeds, so nothing is decided."
    elif has_seed_interaction:
        yield (
            "Effects change from seed to seed by more than single runs vary, so the tests permute whole seeds; "
            f"{blocks} seeds are few for that."
        )
    elif any(hypothesis.unit == "run" for hypothesis in family.tested):
        yield (
            f"{blocks} seeds are too few to permute whole seeds, so the tests permute single runs. They assume that "
            "effects are equal in every seed; an F test did not reject that, but may miss it."
        )


def _lost(table: RunTable, measured: RunTable) -> Iterator[str]:
    lost = int((~table.defined).sum())
    if lost:
        yield (
            f"{lost} of {len(table.response)} runs have no response. They are missing from every effect, and runs that "
            "fail are seldom average ones."
        )
    for before, after in zip(table.factors, measured.factors, strict=True):
        absent = [f'"{level}"' for level in before.levels if level not in after.levels]
        if absent:
            yield f"No run with {before.title} {', '.join(absent)} has a response, so there is no verdict on it."


def _unbalanced(family: Family) -> Iterator[str]:
    if any(hypothesis.how == "linear" for hypothesis in family.hypotheses):
        yield (
            "Some effects have too few matched runs and come from a linear model. It assumes that the interactions "
            "which it leaves out are 0."
        )
    if untested := len(family.untested_pairs):
        yield (
            f"{untested} of the interactions cannot be estimated from these runs; effects may hold only at the levels "
            "that were run."
        )


def _bounded(measured: RunTable, settings: InferenceSettings) -> Iterator[str]:
    if settings.bounds is None or not measured.defined.any():
        return
    low, high = settings.bounds
    values = measured.response[measured.defined]
    near = NEAR * (high - low) if np.isfinite(high - low) else 0.0  # an error has no upper bound
    share = float(np.mean((values <= low + near) | (values >= high - near)))
    if share >= AT_BOUND:
        yield (
            f"{100 * share:.0f} % of the runs are at a bound of the response, where effects are compressed: an "
            "interaction may be caused by that alone."
        )


def _no_margin(verdicts: Sequence[FactorVerdict], settings: InferenceSettings) -> Iterator[str]:
    if settings.margin is None and any(verdict.verdict is Verdict.UNDECIDED for verdict in verdicts):
        yield 'No margin was set, so no factor can get the verdict "not a cause".'
