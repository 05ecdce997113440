"""Caveats: the limits of a study's numbers, in sentences for its reader."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ablate.analysis.measurability import nothing_measured
from ablate.analysis.outcomes import Outcomes
from ablate.analysis.phrases import percent
from ablate.analysis.study_table import StudyResponse
from ablate.analysis.unmeasurable import UNMEASURABLE

SIGNAL = "signal_retention"
FADED = 0.5  # of the brightness that the digits should have
OFFSET, COPIES, MICRO_BATCHES = "best_offset", "copies", "micro_batches"
OFTEN_UNDEFINED = 0.05  # of the frames; below, leaving them out hardly moves a mean


def caveats(
    runs: pd.DataFrame, response: StudyResponse, outcomes: Outcomes, weaknesses: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the caveats on a study's numbers, without duplicates; `runs` as from `with_responses`.

    `weaknesses` are the caveats on the inference.
    """
    sentences = (
        *_incomplete(outcomes),
        *filter(None, [nothing_measured(outcomes, response)]),
        *weaknesses,
        *_undefined(runs, response),
        *_faded(runs),
        *_misaligned(runs),
        *_copying(runs),
        *_gradient_accumulation(runs),
    )
    return tuple(dict.fromkeys(sentences))


def _incomplete(outcomes: Outcomes) -> Iterator[str]:
    if outcomes.missing:
        yield f"{outcomes.missing} of {outcomes.planned} runs have not run yet: all numbers are provisional."
    if outcomes.older:
        yield outcomes.older_sentence


def _undefined(runs: pd.DataFrame, response: StudyResponse) -> Iterator[str]:
    """Say how many frames define the metric in the runs that count, and how many runs do not count."""
    title, floor = response.metric.title, response.measurable_from
    unmeasurable = int((runs["outcome"] == UNMEASURABLE).sum())
    if unmeasurable:
        yield (
            f"{unmeasurable} of {len(runs)} runs {'is' if unmeasurable == 1 else 'are'} unmeasurable: the {title} is "
            f"defined in less than {percent(floor)} of their frames. They take part in no mean, and are never the best."
        )
    share = runs["undefined_share"][runs["response"].notna()]
    if not share.empty and share.max() > OFTEN_UNDEFINED:
        which = "of the frames of all other runs" if unmeasurable else "of all frames"
        yield (
            f"The {title} is undefined in {percent(round(share.mean(), 3))} {which}, and in "
            f"{percent(round(share.max(), 3))} in the worst run. Means are over the frames that happen to be defined, "
            "so runs may be compared on different frames."
        )


def _faded(runs: pd.DataFrame) -> Iterator[str]:
    if SIGNAL not in runs:
        return
    faded = int((runs[SIGNAL] < FADED).sum())
    if faded:
        yield (
            f"In {faded} of {int(runs[SIGNAL].notna().sum())} runs the digits keep less than {percent(FADED)} of "
            "their brightness. A small ghost ratio there may only mean that the forecast is faded."
        )


def _misaligned(runs: pd.DataFrame) -> Iterator[str]:
    if OFFSET not in runs:
        return
    offsets = runs[OFFSET].dropna().astype(int)
    misaligned = offsets[offsets != 0]
    if not misaligned.empty:
        frames = ", ".join(f"{abs(k)} {'late' if k > 0 else 'early'}" for k in sorted(set(misaligned)))
        yield (
            f"In {len(misaligned)} of {len(offsets)} runs the forecast fits target frames of another step better than "
            f"those of its own (frames: {frames}). A digit at its position of another step counts as a ghost."
        )


def _copying(runs: pd.DataFrame) -> Iterator[str]:
    if COPIES not in runs:
        return
    copies = runs[COPIES].dropna()
    copying = int((copies != "nothing").sum())
    if copying:
        yield (
            f"In {copying} of {len(copies)} runs the forecast repeats a frame of its input: its ghost ratio comes from "
            "an old picture, not from a trail."
        )


def _gradient_accumulation(runs: pd.DataFrame) -> Iterator[str]:
    if MICRO_BATCHES not in runs:
        return
    micro_batches = runs[MICRO_BATCHES].dropna()
    if accumulated := int((micro_batches > 1).sum()):
        yield (
            f"In {accumulated} of {len(micro_batches)} runs a whole batch did not fit in memory: gradients were "
            f"accumulated over up to {int(micro_batches.max())} micro-batches. Only "
            "rounding differs, except for batch normalization, which then has the statistics of a micro-batch."
        )
