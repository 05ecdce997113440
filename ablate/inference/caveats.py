"""The caveats of an inference, one sentence each."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ablate.inference.cell_noise import CellNoise
from ablate.inference.equal_blocks import Copies
from ablate.inference.family_tests import FEWEST_SEEDS
from ablate.inference.hypotheses import ALIASED, Family
from ablate.inference.inference import FactorVerdict
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.linear_model import ROUNDING
from ablate.inference.lost_runs import lost_runs
from ablate.inference.noise_shape import SHOWN_COVERAGE, noise_shape
from ablate.inference.run_flips import full_leverage
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.verdict import Verdict

LISTED = 4  # outcomes in a sentence
AT_BOUND = 0.2  # of the runs: beyond it, a bound compresses the effects of whole levels
NEAR = 0.01  # of the response's range


def inference_caveats(
    table: RunTable, measured: RunTable, settings: InferenceSettings, verdicts: Sequence[FactorVerdict], family: Family
) -> tuple[str, ...]:
    """Return one sentence for each limit of the verdicts.

    `measured` is the table without copies of runs and without the levels that have no response.
    """
    return (
        *_seeds(measured, family),
        *_misled_intervals(measured, family),
        *_lost(table, measured),
        *_untested(measured, family),
        *_bounded(measured, settings),
        *_no_margin(verdicts, settings),
    )


def copies_caveats(copies: Copies) -> tuple[str, ...]:
    """Return a sentence for each group of blocks that are copies of each other."""
    return tuple(
        f"The blocks {', '.join(names)} have equal responses, so they count as one: copies are no replication. "
        "Does the training use its seed?"
        for names in copies
    )


def noise_caveats(family: Family, noise: CellNoise) -> tuple[str, ...]:
    """Return a sentence if cells do not vary between seeds at all, or if all responses are equal."""
    if noise.total.squares > ROUNDING or noise.total.freedom < 1:
        return ()
    if not family.observations.response.any():
        runs = "All runs of a seed" if family.observations.has_blocks else "All runs"
        return (f"{runs} have the same response, so no effect can show.",)
    return ("Cells do not vary between seeds at all. Does the training use its seed?",)


def _seeds(measured: RunTable, family: Family) -> Iterator[str]:
    blocks = measured.measured_blocks
    if not blocks:
        return
    match family.kind:
        case KindOfTest.RUN_FLIPS if blocks == 1:
            yield "All runs have one seed: it does not show how much a result varies between seeds."
        case KindOfTest.RUN_FLIPS:
            yield (
                "Single runs are compared, without seeds. Differences between seeds count as noise: "
                "runs that share seeds show smaller effects."
            )
        case KindOfTest.F_TEST if blocks < FEWEST_SEEDS:
            yield "Two seeds do not show how much an effect varies between seeds, so nothing is decided."
        case KindOfTest.F_TEST:
            yield f"{blocks} seeds show causes in these seeds only; six seeds or more speak for other seeds."
        case _:
            pass
    determined = max((full_leverage(d) for d in family.directions if not d.model.observations.has_blocks), default=0)
    if determined == 1:
        yield "1 run is the only one of its kind, and takes no part in the tests."
    elif determined:
        yield f"{determined} runs are the only ones of their kind, and take no part in the tests."


def _misled_intervals(measured: RunTable, family: Family) -> Iterator[str]:
    if not family.observations.has_blocks:
        return
    shape = noise_shape(measured)
    if titles := [factor.title for factor in measured.factors if shape.misleads(factor.path)]:
        yield (
            f"No confidence interval is shown for {', '.join(titles)}: runs at the baseline hardly vary and the noise "
            f"elsewhere is one-sided. With log-normal noise, {SHOWN_COVERAGE} of such intervals contained the true "
            "effect instead of 95 %."
        )


def _lost(table: RunTable, measured: RunTable) -> Iterator[str]:
    lost = lost_runs(table)
    if lost.by_response:
        yield (
            f"{sum(lost.by_response.values())} of {len(table.response)} runs were lost because of their response "
            f"({_counts(lost.by_response)}). They are missing from every effect, and they are seldom average runs."
        )
    if lost.by_machine:
        yield (
            f"{sum(lost.by_machine.values())} of {len(table.response)} runs were lost for other reasons "
            f"({_counts(lost.by_machine)}), and count as missing at random."
        )
    for before, after in zip(table.factors, measured.factors, strict=True):
        absent = [f'"{level}"' for level in before.levels if level not in after.levels]
        if absent and not before.numeric:  # the trend over the levels that are left speaks for these too
            yield f"No run with {before.title} {', '.join(absent)} has a response, so there is no verdict on it."


def _counts(by_outcome: Mapping[str, int]) -> str:
    """Return the most frequent outcomes with their counts."""
    counts = sorted(by_outcome.items(), key=lambda item: -item[1])
    more = f", and {len(counts) - LISTED} other outcomes" if len(counts) > LISTED else ""
    return ", ".join(f"{count} {outcome}" for outcome, count in counts[:LISTED]) + more


def _untested(measured: RunTable, family: Family) -> Iterator[str]:
    aliased = [h for h in family.hypotheses if h.untested == ALIASED and h.is_main_effect]
    for hypothesis in aliased:
        (position,) = hypothesis.at
        title = measured.factors[position].title
        yield f"{title} is aliased: no run separates it from the effects or interactions of other factors."
    for reason, count in Counter(pair.untested for pair in family.untested_pairs).items():
        noun = "interaction is" if count == 1 else "interactions are"
        yield f"{count} {noun} not tested: {reason}."


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
