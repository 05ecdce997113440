"""The ConvLSTM encoder-forecaster of Shi et al. 2015."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.forecaster import TrainableForecaster
from ablate.components.models.initialization import fill_convolution
from ablate.components.models.specs import EncoderForecaster
from ablate.core.errors import SpecError
from ablate.core.tensors import Forecast, Video

Patches = Float[Tensor, "time batch patch_pixel row column"]
"""Frames cut into patches: each patch is one pixel, each of its pixels a channel."""


@final
class EncoderForecasterNetwork(TrainableForecaster):
    """Encoder layers read the history; forecaster layers start from their states and produce the forecast.

    The lowest forecaster layer has no input; every other layer reads the layer below it. A 1x1 convolution over
    the hidden states of all forecaster layers produces the frame.
    """

    def __init__(self, spec: EncoderForecaster) -> None:
        super().__init__()
        shapes = spec.shapes()
        below = [filters for filters, _, _ in shapes[:-1]]
        self._patch = spec.patch
        self.encoder = nn.ModuleList(_layers(spec, [spec.patch**2, *below]))
        self.lowest, *upper = _layers(spec, [0, *below])
        self.upper = nn.ModuleList(upper)
        self.head = nn.Conv2d(sum(filters for filters, _, _ in shapes), spec.patch**2, 1)
        fill_convolution(self.head, spec.initialization)

    def logits(self, history: Video, horizon: int) -> Forecast:
        """See TrainableForecaster. Raises SpecError if the patches do not divide the frame."""
        features, states = self._patches(history), []
        for layer in self.encoder:
            features, state = layer(features)
            states.append(state)
        outputs = [self.lowest.undriven(horizon, states[0])[0]]
        for layer, state in zip(self.upper, states[1:], strict=True):
            outputs.append(layer(outputs[-1], state)[0])
        patches: Tensor = self.head(torch.cat(outputs, dim=2).flatten(0, 1))
        frames = functional.pixel_shuffle(patches, self._patch)
        clips = history.shape[0]  # torch.export would take len() for a constant
        return frames.reshape(horizon, clips, *frames.shape[1:]).transpose(0, 1)

    def one_step(self, frames: Video) -> Video:
        """See Forecaster: each prefix of the frames is encoded separately."""
        return torch.cat([self.forecast(frames[:, : t + 1], 1) for t in range(frames.shape[1])], dim=1)

    def _patches(self, video: Video) -> Patches:
        height, width = video.shape[-2:]
        if height % self._patch or width % self._patch:
            raise SpecError(
                f"model.patch: {self._patch} does not divide frames of {height} x {width} pixels; "
                "take a patch that does, or another frame size"
            )
        return functional.pixel_unshuffle(video.transpose(0, 1), self._patch)


def _layers(spec: EncoderForecaster, inputs: list[int]) -> list[ConvLSTMLayer]:
    return [ConvLSTMLayer(i, *shape, spec.cell_settings()) for i, shape in zip(inputs, spec.shapes(), strict=True)]
