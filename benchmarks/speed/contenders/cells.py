"""ConvLSTM cells as people write them down in torch, from the equations of Shi et al. 2015 (arXiv 1506.04214).

One runs a single convolution of input and state side by side at every step, the other one of each.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.speed.shape import BIAS, KERNEL, STATE_KERNEL, Shape, Weights


def gradient_of(parameter: Tensor | None) -> Tensor:
    """Return the gradient of a parameter that the backward pass reached; raises RuntimeError where it did not."""
    if parameter is None or parameter.grad is None:
        raise RuntimeError("the backward pass did not reach this parameter")
    return parameter.grad


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return Keras 2's."""
    return (0.2 * x + 0.5).clamp(0, 1)


FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "hard_sigmoid": hard_sigmoid}


class RecurrentCell(nn.Module):
    """A step, given the gates; how these come about is what differs."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        super().__init__()
        self._activation, self._gate = FUNCTIONS[shape.activation], FUNCTIONS[shape.gate]
        before, after = (weights[KERNEL].shape[0] - 1) // 2, weights[KERNEL].shape[0] // 2
        self._padding = (before, after, before, after)

    def gates(self, frame: Tensor, hidden: Tensor) -> Tensor:
        """Return input, forget, candidate and output gate before activation, (batch, 4 x filter, height, width)."""
        raise NotImplementedError

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of kernel, state kernel and bias."""
        raise NotImplementedError

    def forward(self, frame: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden state and cell after a step."""
        i, f, g, o = torch.split(self.gates(frame, hidden), hidden.shape[1], dim=1)
        cell = self._gate(f) * cell + self._gate(i) * self._activation(g)
        return self._gate(o) * self._activation(cell), cell

    def _convolved(self, convolution: nn.Conv2d, images: Tensor) -> Tensor:
        if self._padding[0] == self._padding[1]:
            return functional.conv2d(images, convolution.weight, convolution.bias, padding=self._padding[0])
        convolved: Tensor = convolution(functional.pad(images, self._padding))
        return convolved


class ConcatenatingCell(RecurrentCell):
    """One convolution of input and state, concatenated along their channels."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        super().__init__(shape, weights)
        self._conv = _convolution(np.concatenate([weights[KERNEL], weights[STATE_KERNEL]], axis=2), weights[BIAS])
        self._inputs = weights[KERNEL].shape[2]

    def gates(self, frame: Tensor, hidden: Tensor) -> Tensor:
        """See RecurrentCell."""
        return self._convolved(self._conv, torch.cat([frame, hidden], dim=1))

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """See RecurrentCell."""
        whole = gradient_of(self._conv.weight)
        return whole[:, : self._inputs], whole[:, self._inputs :], gradient_of(self._conv.bias)


class TwoConvolutionCell(RecurrentCell):
    """One convolution of the input and one of the state."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        super().__init__(shape, weights)
        self._conv_x = _convolution(weights[KERNEL], weights[BIAS])
        self._conv_h = _convolution(weights[STATE_KERNEL], None)

    def gates(self, frame: Tensor, hidden: Tensor) -> Tensor:
        """See RecurrentCell."""
        return self._convolved(self._conv_x, frame) + self._convolved(self._conv_h, hidden)

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """See RecurrentCell."""
        return gradient_of(self._conv_x.weight), gradient_of(self._conv_h.weight), gradient_of(self._conv_x.bias)


class Stack:
    """Layers of such cells, each of which goes through all frames before the next."""

    def __init__(self, shape: Shape, cell: type[RecurrentCell]) -> None:
        self._cells = [cell(shape, weights) for weights in shape.weights()]
        self._frames = torch.from_numpy(shape.frames()).unsqueeze(2)
        self._pull = torch.from_numpy(shape.pull()).permute(0, 1, 4, 2, 3).contiguous()
        self._filters = shape.filters

    def step(self) -> None:
        """See Contender."""
        self._run()

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        found = {"hidden": self._run().permute(0, 1, 3, 4, 2).numpy()}
        for index, cell in enumerate(self._cells):
            kernel, state_kernel, bias = cell.gradients()
            found[f"{index} {KERNEL}"] = kernel.permute(2, 3, 1, 0).numpy()
            found[f"{index} {STATE_KERNEL}"] = state_kernel.permute(2, 3, 1, 0).numpy()
            found[f"{index} {BIAS}"] = bias.numpy()
        return found

    def _run(self) -> Tensor:
        features = self._frames
        for cell in self._cells:
            cell.zero_grad()
            features = self._layer(cell, features)
        torch.autograd.backward((features * self._pull).mean())
        return features.detach()

    def _layer(self, cell: nn.Module, frames: Tensor) -> Tensor:
        hidden = state = frames.new_zeros(len(frames), self._filters, *frames.shape[-2:])
        outputs = []
        for t in range(frames.shape[1]):
            hidden, state = cell(frames[:, t], hidden, state)
            outputs.append(hidden)
        return torch.stack(outputs, dim=1)


def _convolution(kernel: np.ndarray, bias: np.ndarray | None) -> nn.Conv2d:
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()
    convolution = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], bias=bias is not None)
    convolution.weight.data = weight
    if convolution.bias is not None and bias is not None:
        convolution.bias.data = torch.from_numpy(bias)
    return convolution
