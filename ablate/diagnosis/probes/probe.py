"""What a probe is asked, and of whom."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch

from ablate.components.models.forecaster import Forecaster
from ablate.core.arrays import Frames, FrameScores, History
from ablate.core.tensors import Video
from ablate.measurement.metrics import score
from ablate.storage.findings import Finding


@dataclass(frozen=True)
class Subject:
    """A trained net in inference mode, and the clips it is questioned on, all on one device.

    `clips` are held out, `context` + `horizon` frames long; `training` are some of its training clips, as long as
    those it was trained on, or None where they are not at hand (somebody else's model).
    """

    model: Forecaster
    clips: Video
    context: int
    horizon: int
    training: Video | None
    batch: int = 16

    @property
    def history(self) -> History:
        """The true frames before the forecast."""
        return unit_frames(self.clips[:, : self.context])

    @property
    def target(self) -> Frames:
        """The true frames of the forecast's steps."""
        return unit_frames(self.clips[:, self.context :])

    @torch.no_grad()
    def rollout(self) -> Frames:
        """Return the net's forecast, as it is now, of every clip."""
        parts = [
            self.model.forecast(part[:, : self.context], self.horizon) for part in torch.split(self.clips, self.batch)
        ]
        return unit_frames(torch.cat(parts))

    @torch.no_grad()
    def one_step(self) -> Frames:
        """Return its guesses of the same frames while it sees every true frame before each."""
        seen = self.clips[:, : self.context + self.horizon - 1]
        parts = [self.model.one_step(part)[:, self.context - 1 :] for part in torch.split(seen, self.batch)]
        return unit_frames(torch.cat(parts))

    def scored(self, forecast: Frames) -> dict[str, FrameScores]:
        """Return every measure of a forecast of these clips."""
        return score(forecast, self.target, self.history)

    @cached_property
    def baseline(self) -> dict[str, FrameScores]:
        """Every measure of the untouched net's roll-out; taken once."""
        return self.scored(self.rollout())


class Probe(ABC):
    """One question to a trained net. It leaves the net as it was."""

    name: ClassVar[str]
    """Small letters and _; it names the finding and its metrics."""

    @abstractmethod
    def applies_to(self, subject: Subject) -> bool:
        """Tell whether the question makes sense for this net."""

    @abstractmethod
    def ask(self, subject: Subject) -> Finding:
        """Put the question, and return the answer."""


def unit_frames(video: Video) -> Frames:
    """Return a video of one channel as NumPy frames."""
    frames: Frames = video[:, :, 0].float().cpu().numpy().astype(np.float32)
    return frames
