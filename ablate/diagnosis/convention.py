"""How somebody else's model takes and returns frames, found out by calling it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ablate.core.errors import DataError
from ablate.core.tensors import Frame, Video
from ablate.diagnosis.first_line import first_line
from ablate.diagnosis.foreign_torch import ForeignModel

Kind = Literal["next_at_every_position", "next_only", "future"]
Predicts = Literal["next", "future"]
Answer = Float[Tensor, "batch answer 1 height width"]
"""What a model returned for a video, as frames of one channel."""

LOWEST, HIGHEST = -0.5, 1.5
"""A model of brightness in [0, 1] stays within these even where it errs; logits do not."""
CLEAR = 0.95
"""One reading fits better than the other if its error is below this share of the other's."""


@dataclass(frozen=True)
class Convention:
    """What the model returns for `context` frames, and what it needs."""

    kind: Kind
    frames: int
    """Returned for one call on the context."""
    context: int
    fixed_length: bool
    """It takes `context` frames and no more; known only where it guesses at every position."""
    differentiable: bool
    logits: bool
    """A sigmoid is applied to what it returns."""
    why: str | None
    """How the kind was told, where the number of frames does not tell it."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say it in words."""
        meaning = {
            "next_at_every_position": "a guess of the next frame at every position; its forecast is fed back to it",
            "next_only": "the next frame only; its forecast is fed back to it",
            "future": f"{self.frames} future frames at once",
        }[self.kind]
        return (
            f"For {self.context} frames it returns {meaning}.",
            *([self.why] if self.why else []),
            *([f"It takes sequences of {self.context} frames only: earlier frames drop out."] * self.fixed_length),
            *(["What it returns was taken for logits, and a sigmoid applied."] * self.logits),
            *(["No gradient runs through it, so its receptive field was not asked for."] * (not self.differentiable)),
        )


def called(model: ForeignModel, frames: Video, *, logits: bool) -> Answer:
    """Call the model on frames, and return its frames as a video of one channel.

    The first of several outputs is taken, NumPy arrays are turned into tensors, and a missing channel axis is
    put back. Raises DataError, quoting the model where it fails, and for shapes that are no frames.
    """
    try:
        output = model(frames.clone())  # it may work in place
    except Exception as error:  # somebody else's model may raise anything
        raise DataError(
            f"the model failed on frames of shape {tuple(frames.shape)} (batch, time, channel, height, width): "
            f"{first_line(error)}"
        ) from error
    video = _as_video(output, frames)
    return torch.sigmoid(video) if logits else video


def found_convention(
    model: ForeignModel, clips: Video, context: int, predicts: Predicts | None, *, logits: bool
) -> Convention:
    """Find out the model's convention on clips of `context` frames and those that follow.

    Raises DataError for shapes that fit no convention or not the one that `predicts` names, for outputs that are
    not finite, and for outputs that look like logits where `logits` is False.
    """
    history = clips[:, :context]
    with torch.no_grad():
        output = called(model, history, logits=logits)
    _check_range(output)
    kind, why = _by_number(output.shape[1], context, predicts), None
    if kind is None:
        kind, why = _by_fit(output[:, 0], clips[:, 1], clips[:, context])
    return Convention(
        kind=kind,
        frames=output.shape[1],
        context=context,
        fixed_length=kind == "next_at_every_position" and not _takes(model, clips[:, : context + 1]),
        differentiable=_differentiable(model, history[:1]),
        logits=logits,
        why=why,
    )


def _as_video(output: Any, frames: Video) -> Answer:
    if isinstance(output, list | tuple) and len(output) > 0:
        output = output[0]
    if isinstance(output, np.ndarray):
        output = torch.from_numpy(output)
    if not isinstance(output, Tensor):
        raise DataError(
            f"the model must return frames as a tensor or a NumPy array; it returned {type(output).__name__}"
        )
    batch, _, _, height, width = frames.shape
    video = output.unsqueeze(2) if output.dim() == len("bthw") else output
    if video.dim() != frames.dim() or video.shape[1] == 0 or video.shape != (batch, video.shape[1], 1, height, width):
        raise DataError(
            f"the model returned shape {tuple(output.shape)} for frames of shape {tuple(frames.shape)}; it must be "
            f"({batch}, any number of frames, 1, {height}, {width}), or that without the 1"
        )
    return video.to(frames)


def _check_range(output: Answer) -> None:
    if not output.isfinite().all():
        raise DataError("the model returned numbers that are not finite; check its weights")
    low, high = output.min().item(), output.max().item()
    if low < LOWEST or high > HIGHEST:
        raise DataError(
            f"the model returned values from {low:.3g} to {high:.3g} where brightness is from 0 to 1: if these "
            "are logits, ask for a sigmoid (logits); if not, scale them"
        )


def _by_number(returned: int, given: int, predicts: Predicts | None) -> Kind | None:
    """Return the kind that the number of frames tells, or else the caller; None where neither does."""
    if returned == 1:
        return "next_only"
    if returned == given:
        kinds: dict[Predicts | None, Kind] = {"next": "next_at_every_position", "future": "future"}
        return kinds.get(predicts)
    if predicts == "next":
        raise DataError(
            f"the model returned {returned} frames for {given}: guesses of the next frame at every position would "
            f"be {given}, the next frame only would be 1; say that it predicts the future"
        )
    return "future"


def _by_fit(first: Frame, second_seen: Frame, first_unseen: Frame) -> tuple[Kind, str]:
    """Return the kind whose true frame the first frame returned fits better, and the two errors in words.

    The first alone, as there the two true frames lie farthest apart: a copy of the last frame, or one that comes
    some frames late, could be taken for either at later positions.
    """
    as_next, as_future = ((first - target).square().mean().item() for target in (second_seen, first_unseen))
    errors = f"{as_next:.4f} a pixel against the second frame it saw, {as_future:.4f} against the first it did not see"
    if as_future < CLEAR * as_next:
        return "future", f"It was told by the squared error of the first: {errors}."
    if as_next < CLEAR * as_future:
        return "next_at_every_position", f"It was told by the squared error of the first: {errors}."
    return (
        "next_at_every_position",
        f"That was assumed (say so if it predicts the future), as the error of the first does not tell: {errors}.",
    )


def _takes(model: ForeignModel, frames: Video) -> bool:
    """Tell whether the model guesses at every position of a sequence of this length, too."""
    try:
        with torch.no_grad():
            return called(model, frames, logits=False).shape[1] == frames.shape[1]
    except DataError:
        return False


def _differentiable(model: ForeignModel, frames: Video) -> bool:
    try:
        with torch.enable_grad():
            return called(model, frames.clone().requires_grad_(), logits=False).requires_grad
    except DataError:  # NumPy inside refuses tensors that carry a gradient
        return False
