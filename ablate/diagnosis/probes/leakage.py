"""Look-ahead leakage: whether a prediction has seen the frame that it predicts, or the other clips of its batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Video
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Chart, Finding, Line

TOLERANCE = 1e-5  # rounding of a brightness: about a hundred times the spacing of float32 just below 1
CLIPS = 4
MAX_FRAMES = 12
"""Frames of a clip that are tested; leakage from more than MAX_FRAMES - 1 frames ahead looks the same as that many."""


@final
class Leakage(Probe):
    """Replaces the frames after a position, and measures whether the predictions up to it move.

    The new frames are another clip's, so that they are as likely as the true ones. The last position has no later
    frame: a forecast is read there, so it lacks whatever the inner positions saw of the future.
    """

    name: ClassVar[str] = "leak"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs two clips, and two frames."""
        return len(subject.clips) > 1 and subject.clips.shape[1] > 1

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        clips = subject.clips[:, :MAX_FRAMES]
        half = min(CLIPS, len(clips) // 2)
        originals, replacements = clips[:half], clips[half : 2 * half]
        moves = Moves(
            by_future=moves_by_distance(subject.model, originals, replacements),
            by_other_clips=move_by_other_clip(subject.model, originals[:1], replacements[:1]),
            by_chance=_largest(_predict(subject.model, originals) - _predict(subject.model, originals)),
        )
        x, y = zip(*moves.by_future.items(), strict=True)
        return Finding(
            probe=self.name,
            title="Does the network look ahead?",
            intervention="All frames after a position were replaced by another clip's; no earlier prediction may move.",
            sentences=_sentences(moves),
            numbers={
                "looks_ahead": moves.frames_ahead,
                "largest_move": moves.by_future[1],
                "farthest_tried": max(moves.by_future),
                "depends_on_other_clips": moves.depends_on_other_clips,
                "largest_move_by_other_clips": moves.by_other_clips,
                "largest_move_by_chance": moves.by_chance,
                "tolerance": TOLERANCE,
            },
            charts=(
                Chart(
                    "Look-ahead leakage by distance",
                    "frames ahead",
                    "largest move",
                    (Line("brightness of a prediction", x, y),),
                ),
            ),
        )


@dataclass(frozen=True)
class Moves:
    """The largest absolute move of any pixel of a prediction, by what was changed."""

    by_future: Mapping[int, float]
    """The frames at this distance and later."""
    by_other_clips: float
    """Another clip of the batch."""
    by_chance: float
    """Nothing."""

    @property
    def is_repeatable(self) -> bool:
        """Whether the same frames give the same predictions; otherwise no move is evidence."""
        return self.by_chance <= TOLERANCE

    @property
    def frames_ahead(self) -> int | None:
        """The distance of the farthest later frame that moves a prediction; 0 without leakage, None if unknown."""
        ahead = [distance for distance, move in self.by_future.items() if move > TOLERANCE]
        return max(ahead, default=0) if self.is_repeatable else None

    @property
    def depends_on_other_clips(self) -> bool | None:
        """Whether another clip of the batch moves a prediction; None if unknown."""
        return self.by_other_clips > TOLERANCE if self.is_repeatable else None


def moves_by_distance(model: Forecaster, originals: Video, replacements: Video) -> dict[int, float]:
    """Return for each distance d >= 1 the largest move of a prediction at position <= t as frames t+d, ... change.

    Positions count from 0, and position t predicts frame t+1. Every t is tried. `replacements` gives the new frames.
    """
    frames, before = originals.shape[1], _predict(model, originals)
    moves = dict.fromkeys(range(1, frames), 0.0)
    for first in range(1, frames):
        after = _predict(model, torch.cat([originals[:, :first], replacements[:, first:]], dim=1))
        for distance in range(1, first + 1):
            moves[distance] = max(moves[distance], _largest((after - before)[:, : first - distance + 1]))
    return moves


def move_by_other_clip(model: Forecaster, clip: Video, replacement: Video) -> float:
    """Return the largest move of a clip's predictions as the second clip of its batch changes from a copy of it."""
    with_copy = _predict(model, torch.cat([clip, clip]))
    with_replacement = _predict(model, torch.cat([clip, replacement]))
    return _largest(with_copy[0] - with_replacement[0])


@torch.no_grad()
def _predict(model: Forecaster, frames: Video) -> Video:
    return model.one_step(frames)


def _largest(difference: torch.Tensor) -> float:
    return difference.abs().max().item()


def _sentences(moves: Moves) -> tuple[str, ...]:
    ahead = moves.frames_ahead
    if ahead is None:
        by = f"by up to {moves.by_chance:.2g}"
        return (f"The same frames give different predictions ({by}), so look-ahead leakage cannot be measured.",)
    return (_future_sentence(moves, ahead), _other_clips_sentence(moves))


def _future_sentence(moves: Moves, ahead: int) -> str:
    move = moves.by_future[1]
    if ahead == 0:
        return f"The network does not look ahead: later frames move a prediction {_negligibly(move)}."
    seen = f"{ahead} frame{'s' * (ahead > 1)}"
    if ahead == max(moves.by_future):
        seen += " (as far as was tried, as statistics over all frames would)"
    return (
        f"The network looks ahead by {seen}: a prediction moves by up to {move:.2g} (1 is full brightness) when only "
        "later frames change. The last position, which a forecast uses, has no later frame."
    )


def _other_clips_sentence(moves: Moves) -> str:
    if moves.depends_on_other_clips:
        by = f"by up to {moves.by_other_clips:.2g}"
        return f"A clip's prediction depends on the other clips of its batch, {by}, as with batch statistics."
    by = _negligibly(moves.by_other_clips)
    return f"A clip's prediction does not depend on the other clips of its batch: they move it {by}."


def _negligibly(move: float) -> str:
    return f"by at most {move:.1g}, which is rounding" if move else "not at all"
