"""Whether a net guesses better inside a sequence, where it was trained, than at its end, where it forecasts."""

from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from ablate.core.tensors import Video
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.measurement.scoring.curves import mean_interval
from ablate.storage.findings import Chart, Finding, Line, MetricChange, Number

CLIP = 1e-7
"""Probabilities stay this far from 0 and 1, as in Keras, so that a sure mistake costs 16, not infinity."""

SAME = 1e-4
"""Losses that differ by less than this share are equal, apart from rounding."""

Losses = Float[np.ndarray, "clip position"]


@final
class Positions(Probe):
    """Guesses the same frames twice: inside a sequence that goes on, and at the end of one that stops there.

    Training takes its loss at every position; a forecast uses the last alone. A net whose guess is a function of
    the frames up to it guesses the same both ways.
    """

    name: ClassVar[str] = "positions"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: there must be a position with a frame after it, and the frame that it guesses."""
        return subject.clips.shape[1] > 2  # noqa: PLR2004  # one seen, one guessed and seen, one after it

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        positions = _inner_positions(subject)
        inside, at_end = losses_inside(subject, positions), losses_at_end(subject, positions)
        mean, low, high = (float(value) for value in mean_interval((at_end - inside).mean(axis=1)))
        before, after = float(inside.mean()), float(at_end.mean())
        numbers: dict[str, Number] = {
            "loss_inside": before,
            "loss_at_end": after,
            "difference": mean,
            "difference_low": low,
            "difference_high": high,
        }
        change = MetricChange(
            "at the end, not inside", "binary cross-entropy", before, after, mean, low, high, len(inside)
        )
        return Finding(
            probe=self.name,
            title="Does it forecast as well as it trains?",
            intervention="The same frames were predicted inside a longer sequence, as in training, and at its end.",
            sentences=(_sentence(before, after, low, high),),
            numbers=numbers,
            changes=(change,),
            charts=(_chart(positions, inside, at_end),),
        )


def losses_inside(subject: Subject, positions: range) -> Losses:
    """Return the loss of the guesses at these positions of the whole sequence: mean binary cross-entropy of a pixel."""
    last = subject.clips.shape[1] - 1
    guesses = _guesses(subject, last)[:, positions.start : positions.stop]
    return _losses(guesses, subject.clips[:, positions.start + 1 : positions.stop + 1])


def losses_at_end(subject: Subject, positions: range) -> Losses:
    """Return the loss of the guesses of the same frames, each at the end of the sequence before it."""
    guesses = torch.cat([_guesses(subject, position + 1)[:, -1:] for position in positions], dim=1)
    return _losses(guesses, subject.clips[:, positions.start + 1 : positions.stop + 1])


def _inner_positions(subject: Subject) -> range:
    """Return the positions from the last known frame on that have one after them; at least one."""
    stop = subject.clips.shape[1] - 2
    return range(min(subject.context, stop) - 1, stop)


@torch.no_grad()
def _guesses(subject: Subject, frames: int) -> Video:
    parts = torch.split(subject.clips[:, :frames], subject.batch)
    return torch.cat([subject.model.one_step(part) for part in parts])


def _losses(guesses: Video, target: Video) -> Losses:
    likely = guesses.float().clamp(CLIP, 1 - CLIP)
    losses: Losses = functional.binary_cross_entropy(likely, target, reduction="none").mean((2, 3, 4)).cpu().numpy()
    return losses.astype(np.float64)


def _sentence(inside: float, at_end: float, low: float, high: float) -> str:
    losses = f"a loss of {inside:.4f} inside a sequence and {at_end:.4f} at its end"
    if abs(at_end - inside) <= SAME * inside:
        return f"The same frames are guessed equally well both ways: {losses}."
    spread = f"difference {at_end - inside:+.4f}, interval over clips [{low:+.4f}, {high:+.4f}]"
    if low > 0:
        return (
            f"At the end of a sequence, where it forecasts, the same frames cost {_more(at_end / inside)} inside, "
            f"where it trains: {losses} ({spread})."
        )
    if high < 0:
        return f"The same frames are guessed better at the end of a sequence than inside: {losses} ({spread})."
    return f"Whether it guesses worse at the end of a sequence is not settled: {losses} ({spread})."


def _more(ratio: float) -> str:
    return f"{ratio:.1f} times as much as" if ratio >= 2 else f"{ratio - 1:.1%} more than"  # noqa: PLR2004  # twice


def _chart(positions: range, inside: Losses, at_end: Losses) -> Chart:
    """Draw the loss by the frame that is guessed, counted from 1."""
    x = tuple(position + 2.0 for position in positions)
    lines = (
        Line("inside a sequence", x, tuple(inside.mean(axis=0).tolist())),
        Line("at its end", x, tuple(at_end.mean(axis=0).tolist())),
    )
    return Chart("Loss of the same frames, guessed both ways", "frame guessed", "binary cross-entropy", lines)
