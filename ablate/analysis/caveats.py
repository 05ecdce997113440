"""What weakens the numbers of a study, in sentences for its reader."""

from collections.abc import Iterator, Sequence

import pandas as pd

from ablate.analysis.outcomes import Outcomes
from ablate.analysis.phrases import percent
from ablate.analysis.study_table import Response

SIGNAL = "signal_retention"
FADED = 0.5  # of the brightness that the digits should have
OFFSET, COPIES, PIECES = "best_offset", "copies", "batch_pieces"
OFTEN_UNDEFINED = 0.05  # of the frames; below, leaving them out hardly moves a mean


def caveats(
    runs: pd.DataFrame, response: Response, outcomes: Outcomes, weaknesses: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return one sentence for each thing that a reader of the numbers must know; `runs` as from `with_responses`.

    `weaknesses` are those of the inference.
    """
    told = (
        *_unfinished(outcomes, response),
        *weaknesses,
        *_undefined(runs, response),
        *_faded(runs),
        *_out_of_step(runs),
        *_copying(runs),
        *_in_pieces(runs),
    )
    return tuple(dict.fromkeys(told))


def _unfinished(outcomes: Outcomes, response: Response) -> Iterator[str]:
    if outcomes.missing:
        yield f"{outcomes.missing} of {outcomes.planned} runs have not run yet: every number here is provisional."
    gone = outcomes.diverged + outcomes.failed + outcomes.undefined
    if gone:
        ways = {
            "diverged": outcomes.diverged,
            "failed": outcomes.failed,
            "ended without a defined response": outcomes.undefined,
        }
        parts = ", ".join(f"{count} {way}" for way, count in ways.items() if count)
        yield (
            f"{gone} of {outcomes.planned} runs have no {response.metric.title} ({parts}). "
            "They are missing from every effect, and runs that fail are seldom the average ones."
        )


def _undefined(runs: pd.DataFrame, response: Response) -> Iterator[str]:
    share = runs["undefined_share"].dropna()
    if not share.empty and share.max() > OFTEN_UNDEFINED:
        yield (
            f"The {response.metric.title} is undefined in {percent(share.mean())} of all frames, and in "
            f"{percent(share.max())} in the worst run; means are over the rest, so runs may be compared on different "
            "frames."
        )


def _faded(runs: pd.DataFrame) -> Iterator[str]:
    if SIGNAL not in runs:
        return
    faded = int((runs[SIGNAL] < FADED).sum())
    if faded:
        yield (
            f"In {faded} of {int(runs[SIGNAL].notna().sum())} runs the digits keep less than {percent(FADED)} of "
            "their brightness: a small ghost there may only mean a faded forecast."
        )


def _out_of_step(runs: pd.DataFrame) -> Iterator[str]:
    if OFFSET not in runs:
        return
    offsets = runs[OFFSET].dropna().astype(int)
    off = offsets[offsets != 0]
    if not off.empty:
        frames = ", ".join(f"{abs(k)} {'late' if k > 0 else 'early'}" for k in sorted(set(off)))
        yield (
            f"In {len(off)} of {len(offsets)} runs the forecast fits true frames of another moment better than its own "
            f"(frames off: {frames}): a digit in the place of another time lies on its own path, and counts as a ghost."
        )


def _copying(runs: pd.DataFrame) -> Iterator[str]:
    if COPIES not in runs:
        return
    told = runs[COPIES].dropna()
    copying = int((told != "nothing").sum())
    if copying:
        yield (
            f"In {copying} of {len(told)} runs the forecast repeats a frame that it was given: its ghost ratio is that "
            "of an old picture, not of a trail."
        )


def _in_pieces(runs: pd.DataFrame) -> Iterator[str]:
    if PIECES not in runs:
        return
    pieces = runs[PIECES].dropna()
    if cut := int((pieces > 1).sum()):
        yield (
            f"In {cut} of {len(pieces)} runs memory did not hold a whole batch: it was cut into up to "
            f"{int(pieces.max())} pieces, whose gradients were added up. That differs by rounding alone, but for batch "
            "normalization, whose statistics are then those of a piece."
        )
