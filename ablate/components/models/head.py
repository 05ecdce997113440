"""Output heads: from the last layer's features to the logits of the next frame."""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ablate.components.models.convlstm_layer import Features
from ablate.components.models.initialization import fill_convolution
from ablate.components.models.specs import Head, Initialization

FrameLogits = Float[Tensor, "time batch 1 height width"]


class OutputHead(nn.Module, ABC):
    """Maps features to logits, time first. Its memory of earlier features allows a sequence to continue."""

    @abstractmethod
    def forward(self, features: Features, memory: Tensor | None) -> tuple[FrameLogits, Tensor | None]:
        """Return the logits at every step, and the memory after the last step."""


@final
class FrameHead(OutputHead):
    """A 1x1 convolution of each step's features alone."""

    def __init__(self, channels: int, initialization: Initialization) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)
        fill_convolution(self.conv, initialization)

    def forward(self, features: Features, memory: Tensor | None) -> tuple[FrameLogits, Tensor | None]:
        """See OutputHead: this head needs no memory."""
        logits: Tensor = self.conv(features.flatten(0, 1))
        return logits.reshape(*features.shape[:2], *logits.shape[1:]), memory


@final
class TimeHead(OutputHead):
    """A 3x3x3 convolution over time, height and width, of `past` earlier steps and `future` later ones.

    With one earlier and one later step it is Keras' Conv3D "same". At every step but the last it then sees the
    features of the frame that it should predict: look-ahead leakage (keras-io#1003). Forecasting uses only the last
    step, where zeros replace the later step. With two earlier steps and no later one the head is causal.
    """

    def __init__(self, channels: int, past: int, future: int, initialization: Initialization) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, 1, 3, padding=(0, 1, 1))
        self._past, self._future = past, future
        fill_convolution(self.conv, initialization)

    def forward(self, features: Features, memory: Tensor | None) -> tuple[FrameLogits, Tensor | None]:
        """See OutputHead: the memory is the last `past` steps; zeros precede the first step."""
        earlier = features.new_zeros(self._past, *features.shape[1:]) if memory is None else memory
        history = torch.cat([earlier, features])
        later = features.new_zeros(self._future, *features.shape[1:])
        logits: Tensor = self.conv(torch.cat([history, later]).permute(1, 2, 0, 3, 4))
        return logits.permute(2, 0, 1, 3, 4), history[-self._past :]


def build_head(head: Head, channels: int, initialization: Initialization) -> OutputHead:
    """Return the head with that name, for features of that many channels."""
    match head:
        case "frame":
            return FrameHead(channels, initialization)
        case "conv3d":
            return TimeHead(channels, past=1, future=1, initialization=initialization)
        case "causal3d":
            return TimeHead(channels, past=2, future=0, initialization=initialization)
