"""The layer of this project."""

import numpy as np
import torch

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.fast.fusion import fused
from ablate.components.models.specs import CellSettings
from benchmarks.speed.shape import BIAS, KERNEL, STATE_KERNEL, Shape


class Ours:
    """A stack of ConvLSTMLayer, trained with fused gates."""

    def __init__(self, shape: Shape) -> None:
        cell = CellSettings(shape.activation, shape.gate, 1.0, "keras", peepholes=False)
        inputs = [1, *[shape.filters] * (len(shape.kernels) - 1)]
        self._layers = [
            ConvLSTMLayer(channels, shape.filters, kernel, kernel, cell)
            for channels, kernel in zip(inputs, shape.kernels, strict=True)
        ]
        for layer, weights in zip(self._layers, shape.weights(), strict=True):
            for parameter, name in ((layer.kernel, KERNEL), (layer.state_kernel, STATE_KERNEL)):
                parameter.data = torch.from_numpy(weights[name]).permute(3, 2, 0, 1)
            layer.bias.data = torch.from_numpy(weights[BIAS])
        self._frames = torch.from_numpy(shape.frames()).transpose(0, 1).unsqueeze(2)
        self._pull = torch.from_numpy(shape.pull()).transpose(0, 1).contiguous().permute(0, 1, 4, 2, 3)

    def step(self) -> None:
        """See Contender."""
        self._run()

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        found = {"hidden": self._run().permute(1, 0, 3, 4, 2).numpy()}
        for index, layer in enumerate(self._layers):
            found[f"{index} {KERNEL}"] = layer.kernel.grad.permute(2, 3, 1, 0).numpy()
            found[f"{index} {STATE_KERNEL}"] = layer.state_kernel.grad.permute(2, 3, 1, 0).numpy()
            found[f"{index} {BIAS}"] = layer.bias.grad.numpy()
        return found

    def _run(self) -> torch.Tensor:
        features = self._frames
        with fused(wanted=True):
            for layer in self._layers:
                layer.zero_grad()
                features, _ = layer(features)
        (features * self._pull).mean().backward()
        return features.detach()
