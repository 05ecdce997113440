"""The network of the case: stacked ConvLSTM layers that predict the next frame."""

from typing import NamedTuple, final

from torch import Tensor, nn

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.forecaster import NextFrameModel
from ablate.components.models.head import build_head
from ablate.components.models.specs import ConvLSTM, Head
from ablate.components.models.tap import CellState
from ablate.core.tensors import Video


class NetworkState(NamedTuple):
    """What the network carries from one call to the next: the states of its layers and the memory of its head."""

    layers: tuple[CellState, ...]
    head: Tensor | None


@final
class ConvLSTMNetwork(NextFrameModel):
    """ConvLSTM layers, each followed by normalization, and an output head."""

    def __init__(self, spec: ConvLSTM) -> None:
        super().__init__()
        shapes = spec.shapes()
        channels = [1, *(filters for filters, _, _ in shapes)]
        self.layers = nn.ModuleList(
            ConvLSTMLayer(channels[i], *shape, spec.cell_settings()) for i, shape in enumerate(shapes)
        )
        self.norms = nn.ModuleList(spec.normalization.build(filters) for filters in channels[1:])
        self.head_kind: Head = spec.head
        self.head = build_head(spec.head, channels[-1], spec.initialization)

    def forward(self, frames: Video, state: NetworkState | None = None) -> tuple[Video, NetworkState]:
        """See NextFrameModel."""
        features, states = frames.transpose(0, 1), []
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            hidden, layer_state = layer(features, state.layers[index] if state else None)
            features = norm(hidden)
            states.append(layer_state)
        logits, memory = self.head(features, state.head if state else None)
        return logits.transpose(0, 1), NetworkState(tuple(states), memory)
