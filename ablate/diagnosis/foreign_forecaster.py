"""A foreign model behind the interface of a Forecaster: how it takes and returns frames, and its rollout."""

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from ablate.components.models.forecaster import Forecaster
from ablate.core.errors import DataError
from ablate.core.tensors import Forecast, Frame, Video
from ablate.diagnosis.foreign_torch import ForeignModel, foreign_reason

Kind = Literal["next_at_every_position", "next_only", "future"]
Predicts = Literal["next", "future"]
Output = Float[Tensor, "batch output 1 height width"]
"""What a model returned for a video, as frames of one channel."""
Window = Float[Tensor, "batch window channel height width"]
"""The frames that a model sees of a longer or shorter video."""

MIN_BRIGHTNESS, MAX_BRIGHTNESS = -0.5, 1.5  # a model of brightness in [0, 1] errs by less; logits exceed them
CLEAR_SHARE = 0.95  # one kind fits better than another if its error is below this share of the other's


@dataclass(frozen=True)
class Convention:
    """How a model takes and returns frames: what it returns for `context` frames, and what it needs."""

    kind: Kind
    frames: int
    """Number of frames that one call on the context returns."""
    context: int
    fixed_length: bool
    """Whether it takes exactly `context` frames; known only where it predicts at every position."""
    differentiable: bool
    logits: bool
    """Whether a sigmoid is applied to its output."""
    reason: str | None
    """How the kind was determined, where the number of frames leaves it open."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """The convention in words."""
        meaning = {
            "next_at_every_position": "the next frame at every position; its predictions are fed back to it",
            "next_only": "the next frame only; its predictions are fed back to it",
            "future": f"{self.frames} future frames at once",
        }[self.kind]
        return (
            f"For {self.context} frames the model returns {meaning}.",
            *([self.reason] if self.reason else []),
            *(
                [f"The model takes sequences of {self.context} frames only: earlier frames are dropped."]
                * self.fixed_length
            ),
            *(["Its output is taken as logits, and a sigmoid is applied."] * self.logits),
            *(["No gradient flows through it, so its receptive field is not measured."] * (not self.differentiable)),
        )


@final
class ForeignForecaster(Forecaster):
    """Forecasts with a foreign model, by its convention.

    A model that predicts at every position sees the whole sequence, or its last `context` frames where it takes no
    other number. Every other model sees the last `context` frames; where there are fewer, the first is repeated.
    """

    def __init__(self, model: ForeignModel, convention: Convention) -> None:
        super().__init__()
        self._foreign = model
        self.convention = convention

    def forecast(self, history: Video, horizon: int) -> Forecast:
        """See Forecaster: the model's predictions are fed back until there are `horizon` of them."""
        frames = history
        known = history.shape[1]
        while frames.shape[1] < known + horizon:
            frames = torch.cat([frames, self._next_frames(frames)], dim=1)
        return frames[:, known : known + horizon]

    def one_step(self, frames: Video) -> Video:
        """See Forecaster. Only a model that predicts at every position is read as in training."""
        if self.convention.kind != "next_at_every_position":
            return torch.cat([self._next_frames(frames[:, : t + 1])[:, :1] for t in range(frames.shape[1])], dim=1)
        if not self.convention.fixed_length:
            return self._called(frames)
        length, context = frames.shape[1], self.convention.context
        first = self._called(self._window(frames[:, :context]))[:, -length:]
        later = [self._next_frames(frames[:, : t + 1]) for t in range(context, length)]
        return torch.cat([first, *later], dim=1)

    def _next_frames(self, frames: Video) -> Output:
        """Return the next frames, as many as one call returns."""
        if self.convention.kind != "next_at_every_position":
            return self._called(self._window(frames))
        seen = self._window(frames) if self.convention.fixed_length else frames
        return self._called(seen)[:, -1:]

    def _window(self, frames: Video) -> Window:
        missing = self.convention.context - frames.shape[1]
        before = [frames[:, :1]] * max(0, missing)
        return torch.cat([*before, frames], dim=1)[:, -self.convention.context :]

    def _called(self, frames: Video) -> Output:
        if not (self.convention.differentiable and frames.requires_grad):
            return self._output(frames.detach())
        # a rollout calls the model on ever longer sequences; keeping all activations for backward would take gigabytes
        with set_checkpoint_early_stop(enable=False):  # early stop is an exception, which the model might catch
            video: Video = checkpoint(self._output, frames, use_reentrant=False)
        return video

    def _output(self, frames: Video) -> Output:
        return call_model(self._foreign, frames, logits=self.convention.logits)


def call_model(model: ForeignModel, frames: Video, *, logits: bool) -> Output:
    """Call the model on frames, and return its output as a video of one channel.

    The first of several outputs is taken, NumPy arrays become tensors, and a missing channel axis is added. Raises
    DataError, with the model's own error, where it fails, and for shapes that are no frames.
    """
    try:
        output = model(frames.clone())  # the model may change its input
    except Exception as error:  # a foreign model may raise anything
        raise DataError(
            f"the model failed on frames of shape {tuple(frames.shape)} (batch, time, channel, height, width): "
            f"{foreign_reason(error)}"
        ) from error
    video = _as_video(output, frames)
    return torch.sigmoid(video) if logits else video


def determine_convention(
    model: ForeignModel, clips: Video, context: int, predicts: Predicts | None, *, logits: bool
) -> Convention:
    """Determine the model's convention on clips of `context` frames and the frames after them.

    Raises DataError for shapes that fit no convention or contradict `predicts`, for outputs that are
    not finite, and for outputs that look like logits where `logits` is False.
    """
    history = clips[:, :context]
    with torch.no_grad():
        output = call_model(model, history, logits=logits)
    _check_range(output)
    kind, reason = _kind_by_number(output.shape[1], context, predicts), None
    if kind is None:
        kind, reason = _kind_by_fit(output[:, 0], clips[:, 1], clips[:, context])
    return Convention(
        kind=kind,
        frames=output.shape[1],
        context=context,
        fixed_length=kind == "next_at_every_position" and not _takes_length(model, clips[:, : context + 1]),
        differentiable=_is_differentiable(model, history[:1]),
        logits=logits,
        reason=reason,
    )


def _as_video(output: Any, frames: Video) -> Output:
    if isinstance(output, list | tuple) and len(output) > 0:
        output = output[0]
    if isinstance(output, np.ndarray):
        output = torch.from_numpy(output)
    if not isinstance(output, Tensor):
        raise DataError(
            f"the model returned {type(output).__name__}; it must return frames as a tensor or a NumPy array"
        )
    batch, _, _, height, width = frames.shape
    video = output.unsqueeze(2) if output.dim() == len("bthw") else output
    if video.dim() != frames.dim() or video.shape[1] == 0 or video.shape != (batch, video.shape[1], 1, height, width):
        raise DataError(
            f"the model returned shape {tuple(output.shape)} for frames of shape {tuple(frames.shape)}; it must be "
            f"({batch}, any number of frames, 1, {height}, {width}), or that without the 1"
        )
    return video.to(frames)


def _check_range(output: Output) -> None:
    if not output.isfinite().all():
        raise DataError("the model returned numbers that are not finite; check its weights")
    low, high = output.min().item(), output.max().item()
    if low < MIN_BRIGHTNESS or high > MAX_BRIGHTNESS:
        raise DataError(
            f"the model returned values from {low:.3g} to {high:.3g} where brightness is from 0 to 1: if these "
            "are logits, say so (--logits); if not, scale them"
        )


def _kind_by_number(returned: int, length: int, predicts: Predicts | None) -> Kind | None:
    """Return the kind that the number of frames or the caller determines; None where both leave it open."""
    if returned == 1:
        return "next_only"
    if returned == length:
        kinds: dict[Predicts | None, Kind] = {"next": "next_at_every_position", "future": "future"}
        return kinds.get(predicts)
    if predicts == "next":
        raise DataError(
            f"the model returned {returned} frames for {length}: predictions of the next frame at every position would "
            f"be {length}, the next frame only would be 1; say that it predicts the future (--predicts future)"
        )
    return "future"


def _kind_by_fit(first: Frame, second_seen: Frame, first_unseen: Frame) -> tuple[Kind, str]:
    """Return the kind whose true frame the first returned frame fits better, and the two errors in words.

    Only the first frame is compared, since there the two true frames differ most: at later positions a copy of the
    last frame, or a late forecast, fits either kind.
    """
    as_next, as_future = ((first - target).square().mean().item() for target in (second_seen, first_unseen))
    errors = (
        f"{as_next:.4f} per pixel against the second input frame, {as_future:.4f} against the frame after the input"
    )
    if as_future < CLEAR_SHARE * as_next:
        return "future", f"The squared error of the first returned frame shows this: {errors}."
    if as_next < CLEAR_SHARE * as_future:
        return "next_at_every_position", f"The squared error of the first returned frame shows this: {errors}."
    return (
        "next_at_every_position",
        f"This is an assumption, since the error of the first returned frame leaves it open: {errors}.",
    )


def _takes_length(model: ForeignModel, frames: Video) -> bool:
    """Return whether the model also predicts at every position of a sequence of this length."""
    try:
        with torch.no_grad():
            return call_model(model, frames, logits=False).shape[1] == frames.shape[1]
    except DataError:
        return False


def _is_differentiable(model: ForeignModel, frames: Video) -> bool:
    try:
        with torch.enable_grad():
            return call_model(model, frames.clone().requires_grad_(), logits=False).requires_grad
    except DataError:  # NumPy refuses tensors that carry a gradient
        return False
