"""The interface of a probe, and the trained network with the clips that it is applied to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.forecaster import Forecaster
from ablate.components.models.tap import Tap
from ablate.core.arrays import Frames, FrameScores, History
from ablate.core.tensors import Video
from ablate.measurement.metrics import score
from ablate.storage.findings import Finding

TrainingClips = Float[Tensor, "training_clip training_time channel height width"]


@dataclass(frozen=True)
class Subject:
    """A trained network in inference mode, and the clips that probes use, all on one device.

    `clips` are held out and `context` + `horizon` frames long. `training` holds some of the network's training clips,
    as long as in training, or None where they are not available (a foreign model).
    """

    model: Forecaster
    clips: Video
    context: int
    horizon: int
    training: TrainingClips | None
    batch: int = 16

    @property
    def history(self) -> History:
        """The true frames before the forecast."""
        return unit_frames(self.clips[:, : self.context])

    @property
    def target(self) -> Frames:
        """The true frames of the forecast steps."""
        return unit_frames(self.clips[:, self.context :])

    @torch.no_grad()
    def rollout(self) -> Frames:
        """Return the rollout of every clip by the network in its present state."""
        batches = torch.split(self.clips, self.batch)
        return unit_frames(
            torch.cat([self.model.forecast(clips[:, : self.context], self.horizon) for clips in batches])
        )

    @torch.no_grad()
    def one_step(self) -> Frames:
        """Return the one-step predictions of the same frames, each from all true frames before it."""
        batches = torch.split(self.clips[:, : self.context + self.horizon - 1], self.batch)
        return unit_frames(torch.cat([self.model.one_step(clips)[:, self.context - 1 :] for clips in batches]))

    def scores(self, forecast: Frames) -> dict[str, FrameScores]:
        """Return every metric of a forecast of these clips, by name."""
        return score(forecast, self.target, self.history)

    @cached_property
    def baseline(self) -> dict[str, FrameScores]:
        """Every metric of the unchanged network's rollout, by name."""
        return self.scores(self.rollout())


class Probe(ABC):
    """One intervention on a trained network, or one measurement inside it. It leaves the network unchanged."""

    name: ClassVar[str]
    """Lower-case letters and _; it names the finding and its metrics."""

    @abstractmethod
    def applies_to(self, subject: Subject) -> bool:
        """Return whether the probe makes sense for this network."""

    @abstractmethod
    def apply(self, subject: Subject) -> Finding:
        """Apply the probe, and return what it measured."""


def unit_frames(video: Video) -> Frames:
    """Return a video of one channel as NumPy frames."""
    frames: Frames = video[:, :, 0].float().cpu().numpy().astype(np.float32)
    return frames


Taps = Callable[[], Mapping[str, Tap]]
"""Makes new taps by layer name. A tap counts the steps of one sequence, so every batch needs new ones."""


def layers_of(model: Forecaster) -> dict[str, ConvLSTMLayer]:
    """Return the model's ConvLSTM layers by name, the lowest first."""
    return {name: module for name, module in model.named_modules() if isinstance(module, ConvLSTMLayer)}


def taps_in(layers: Iterable[str], make: Callable[[], Tap]) -> Taps:
    """Return a factory of one tap for each of these layers."""
    return lambda: {name: make() for name in layers}


@torch.no_grad()
def tapped_rollout(subject: Subject, taps: Taps) -> Frames:
    """Return the rollout of every clip, each batch with new taps."""
    forecasts = []
    for clips in torch.split(subject.clips, subject.batch):
        with tapped(subject.model, taps()):
            forecasts.append(subject.model.forecast(clips[:, : subject.context], subject.horizon))
    return unit_frames(torch.cat(forecasts))


@contextmanager
def tapped(model: Forecaster, taps: Mapping[str, Tap]) -> Iterator[None]:
    """Install taps in the named layers within the block, and restore the former taps after it."""
    layers = layers_of(model)
    former = {name: layers[name].tap for name in taps}
    try:
        for name, tap in taps.items():
            layers[name].tap = tap
        yield
    finally:
        for name, tap in former.items():
            layers[name].tap = tap
