"""Whether a guess has seen the frame that it should guess, or the other clips of its batch."""

from collections.abc import Mapping
from typing import ClassVar, final

import torch

from ablate.findings import Chart, Finding, Line, Number
from ablate.models.forecaster import Forecaster
from ablate.probes.probe import Probe, Subject
from ablate.tensors import Video

TOLERANCE = 1e-5
"""Moves of a brightness up to this are rounding: some hundred times the spacing of float32 just below 1."""
CLIPS = 4
LONGEST = 12
"""Frames of a clip that are put to the question; a look further ahead than LONGEST - 1 frames is not told apart."""


@final
class Leak(Probe):
    """Changes the frames after a position, and asks whether the guesses up to it move.

    The changed frames are another clip's, so that they are as likely as the true ones. The last position has no
    later frame: a forecast, which is read off there, misses whatever the inner positions saw of the future.
    """

    name: ClassVar[str] = "leak"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes two clips, and two frames."""
        return len(subject.clips) > 1 and subject.clips.shape[1] > 1

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        clips = subject.clips[:, :LONGEST]
        half = min(CLIPS, len(clips) // 2)
        own, other = clips[:half], clips[half : 2 * half]
        chance = _largest(_guess(subject.model, own) - _guess(subject.model, own))
        moves = moves_by_distance(subject.model, own, other)
        company = move_by_company(subject.model, own[:1], other[:1])
        repeatable = chance <= TOLERANCE
        numbers: dict[str, Number] = {
            "looks_ahead": max((d for d, move in moves.items() if move > TOLERANCE), default=0) if repeatable else None,
            "farthest_tried": max(moves),
            "largest_move": max(moves.values()),
            "depends_on_other_clips": company > TOLERANCE if repeatable else None,
            "largest_move_by_other_clips": company,
            "largest_move_by_chance": chance,
            "tolerance": TOLERANCE,
        }
        line = Line("largest move of a guess", tuple(map(float, moves)), tuple(moves.values()))
        return Finding(
            probe=self.name,
            title="Does it look ahead?",
            asks="The frames from some frame on were replaced by another clip's; no guess made before may move.",
            sentences=_sentences(numbers),
            numbers=numbers,
            charts=(Chart("How far ahead it looks", "frames ahead", "largest move of a brightness", (line,)),),
        )


def moves_by_distance(model: Forecaster, own: Video, other: Video) -> dict[int, float]:
    """Return by distance d >= 1 the largest move of any guess at a position <= t as the frames t+d, t+d+1, ... change.

    Positions count from 0, and the guess at t is of frame t+1. Every t is tried. `other` gives the new frames.
    """
    frames, before = own.shape[1], _guess(model, own)
    moves = dict.fromkeys(range(1, frames), 0.0)
    for first in range(1, frames):
        after = _guess(model, torch.cat([own[:, :first], other[:, first:]], dim=1))
        for distance in range(1, first + 1):
            moves[distance] = max(moves[distance], _largest((after - before)[:, : first - distance + 1]))
    return moves


def move_by_company(model: Forecaster, clip: Video, other: Video) -> float:
    """Return the largest move of a clip's guesses as the second clip of its batch, at first itself, changes."""
    alone, accompanied = _guess(model, torch.cat([clip, clip])), _guess(model, torch.cat([clip, other]))
    return _largest(alone[0] - accompanied[0])


@torch.no_grad()
def _guess(model: Forecaster, frames: Video) -> Video:
    return model.one_step(frames)


def _largest(difference: torch.Tensor) -> float:
    return difference.abs().max().item()


def _sentences(numbers: Mapping[str, Number]) -> tuple[str, ...]:
    if numbers["looks_ahead"] is None:
        by = f"by up to {numbers['largest_move_by_chance']:.2g}"
        return (f"The same frames give different guesses ({by}), so whether it looks ahead cannot be told.",)
    return (_of_the_future(numbers), _of_other_clips(numbers))


def _of_the_future(numbers: Mapping[str, Number]) -> str:
    ahead, move = numbers["looks_ahead"], numbers["largest_move"]
    if not ahead:
        return f"It does not look ahead: later frames move no guess by more than {move:.1g}, which is rounding."
    seen = f"{ahead} frame{'s' * (ahead > 1)}"
    if ahead == numbers["farthest_tried"]:
        seen += ", as far as was tried, as statistics over all frames would"
    return (
        f"It looks ahead by {seen}: a guess moves by up to {move:.2f} (1 is full brightness) when only later frames "
        "change. The last position, which a forecast uses, has none to look at."
    )


def _of_other_clips(numbers: Mapping[str, Number]) -> str:
    move = numbers["largest_move_by_other_clips"]
    if numbers["depends_on_other_clips"]:
        return f"A clip's guess depends on the other clips of its batch, by up to {move:.2g}, as with batch statistics."
    return f"A clip's guess does not depend on the other clips of its batch (moves up to {move:.1g}: rounding)."
