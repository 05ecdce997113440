"""The layer of this project."""

import numpy as np
import torch

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.fast.switch import compiled_gates
from ablate.components.models.specs import CellSettings
from benchmarks.speed.contenders.cells import gradient_of
from benchmarks.speed.shape import BIAS, KERNEL, STATE_KERNEL, Shape


class Ours:
    """A stack of ConvLSTMLayer, trained with compiled gates."""

    def __init__(self, shape: Shape) -> None:
        cell = CellSettings(shape.activation, shape.gate, 1.0, "keras", peepholes=False)
        inputs = [1, *[shape.filters] * (len(shape.kernels) - 1)]
        self._layers = [
            ConvLSTMLayer(channels, shape.filters, kernel, kernel, cell)
            for channels, kernel in zip(inputs, shape.kernels, strict=True)
        ]
        for layer, weights in zip(self._layers, shape.weights(), strict=True):
            kernels = {"kernel": weights[KERNEL], "state_kernel": weights[STATE_KERNEL]}
            tensors = {name: torch.from_numpy(kernel).permute(3, 2, 0, 1) for name, kernel in kernels.items()}
            layer.load_state_dict({**tensors, "bias": torch.from_numpy(weights[BIAS])}, assign=True)
        self._frames = torch.from_numpy(shape.frames()).transpose(0, 1).unsqueeze(2)
        self._pull = torch.from_numpy(shape.pull()).transpose(0, 1).contiguous().permute(0, 1, 4, 2, 3)

    def step(self) -> None:
        """See Contender."""
        self._run()

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        results = {"hidden": self._run().permute(1, 0, 3, 4, 2).numpy()}
        for index, layer in enumerate(self._layers):
            results[f"{index} {KERNEL}"] = gradient_of(layer.kernel).permute(2, 3, 1, 0).numpy()
            results[f"{index} {STATE_KERNEL}"] = gradient_of(layer.state_kernel).permute(2, 3, 1, 0).numpy()
            results[f"{index} {BIAS}"] = gradient_of(layer.bias).numpy()
        return results

    def _run(self) -> torch.Tensor:
        features = self._frames
        with compiled_gates(enabled=True):
            for layer in self._layers:
                layer.zero_grad()
                features, _ = layer(features)
        torch.autograd.backward((features * self._pull).mean())
        return features.detach()
