"""Whether a guess has seen the frame that it should guess, or the other clips of its batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Video
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Chart, Finding, Line

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
        moves = Moves(
            by_future=moves_by_distance(subject.model, own, other),
            by_company=move_by_company(subject.model, own[:1], other[:1]),
            by_chance=_largest(_guess(subject.model, own) - _guess(subject.model, own)),
        )
        x, y = zip(*moves.by_future.items(), strict=True)
        return Finding(
            probe=self.name,
            title="Does it look ahead?",
            intervention="All frames after a position were replaced by another clip's; no earlier prediction may move.",
            sentences=_sentences(moves),
            numbers={
                "looks_ahead": moves.looks_ahead,
                "largest_move": moves.by_future[1],
                "farthest_tried": max(moves.by_future),
                "depends_on_other_clips": moves.depends_on_other_clips,
                "largest_move_by_other_clips": moves.by_company,
                "largest_move_by_chance": moves.by_chance,
                "tolerance": TOLERANCE,
            },
            charts=(
                Chart("How far it looks ahead", "frames ahead", "largest move", (Line("brightness of a guess", x, y),)),
            ),
        )


@dataclass(frozen=True)
class Moves:
    """The largest absolute move of any pixel of a guess, by what was changed."""

    by_future: Mapping[int, float]
    """The frames at this distance and later."""
    by_company: float
    """The other clips of its batch."""
    by_chance: float
    """Nothing."""

    @property
    def repeatable(self) -> bool:
        """Tell whether the same frames give the same guesses; without that no move proves anything."""
        return self.by_chance <= TOLERANCE

    @property
    def looks_ahead(self) -> int | None:
        """The farthest frame ahead that moves a guess; 0: none does."""
        ahead = [distance for distance, move in self.by_future.items() if move > TOLERANCE]
        return max(ahead, default=0) if self.repeatable else None

    @property
    def depends_on_other_clips(self) -> bool | None:
        """Tell whether another clip in the batch moves a guess."""
        return self.by_company > TOLERANCE if self.repeatable else None


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


def _sentences(moves: Moves) -> tuple[str, ...]:
    ahead = moves.looks_ahead
    if ahead is None:
        by = f"by up to {moves.by_chance:.2g}"
        return (f"The same frames give different guesses ({by}), so whether it looks ahead cannot be told.",)
    return (_of_the_future(moves, ahead), _of_other_clips(moves))


def _of_the_future(moves: Moves, ahead: int) -> str:
    move = moves.by_future[1]
    if ahead == 0:
        return f"It does not look ahead: later frames move a guess {_hardly(move)}."
    seen = f"{ahead} frame{'s' * (ahead > 1)}"
    if ahead == max(moves.by_future):
        seen += ", as far as was tried, as statistics over all frames would"
    return (
        f"It looks ahead by {seen}: a guess moves by up to {move:.2g} (1 is full brightness) when only later frames "
        "change. The last position, which a forecast uses, has none to look at."
    )


def _of_other_clips(moves: Moves) -> str:
    if moves.depends_on_other_clips:
        by = f"by up to {moves.by_company:.2g}"
        return f"A clip's guess depends on the other clips of its batch, {by}, as with batch statistics."
    return f"A clip's guess does not depend on the other clips of its batch: they move it {_hardly(moves.by_company)}."


def _hardly(move: float) -> str:
    return f"by at most {move:.1g}, which is rounding" if move else "not at all"
