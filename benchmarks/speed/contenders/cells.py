"""ConvLSTM cells as people write them in torch, from the equations of Shi et al. 2015 (arXiv 1506.04214).

The first concatenates input and state and convolves once per step. The second has two convolutions per step. The third
is the second with its gates compiled by torch.compile, forward and backward, and no hand-written backward pass.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ablate.components.models.activation import tanh
from benchmarks.speed.shape import BIAS, KERNEL, STATE_KERNEL, Shape, Weights


def gradient_of(parameter: Tensor | None) -> Tensor:
    """Return the gradient of a parameter that the backward pass reached; raises RuntimeError where it did not."""
    if parameter is None or parameter.grad is None:
        raise RuntimeError("the backward pass did not reach this parameter")
    return parameter.grad


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return the hard sigmoid of Keras 2."""
    return (0.2 * x + 0.5).clamp(0, 1)


RECOMPILE_LIMIT = 64  # one compilation per shape of layer; torch's default of 8 is meant for whole programs
FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "hard_sigmoid": hard_sigmoid}


class RecurrentCell(nn.Module):
    """A step of the cell. Subclasses compute its gates."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        super().__init__()
        self._activation, self._gate = FUNCTIONS[shape.activation], FUNCTIONS[shape.gate]
        self._filters = shape.filters
        before, after = (weights[KERNEL].shape[0] - 1) // 2, weights[KERNEL].shape[0] // 2
        self._padding = (before, after, before, after)

    def gates(self, frame: Tensor, hidden: Tensor) -> Tensor:
        """Return input, forget, candidate and output gate before activation, (batch, 4 x filter, height, width)."""
        raise NotImplementedError

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of kernel, state kernel and bias."""
        raise NotImplementedError

    def forward(self, frames: Tensor) -> Tensor:
        """Return the hidden states (batch, time, filter, height, width) of all frames."""
        hidden = cell = frames.new_zeros(len(frames), self._filters, *frames.shape[-2:])
        hiddens = []
        for frame in frames.unbind(1):
            hidden, cell = self._activated(self.gates(frame, hidden), cell)
            hiddens.append(hidden)
        return torch.stack(hiddens, dim=1)

    def _activated(self, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden state and cell after a step."""
        i, f, candidate, o = gates.chunk(4, dim=1)
        cell = self._gate(f) * cell + self._gate(i) * self._activation(candidate)
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
        kernels = gradient_of(self._conv.weight)
        return kernels[:, : self._inputs], kernels[:, self._inputs :], gradient_of(self._conv.bias)


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


class CompiledCell(TwoConvolutionCell):
    """The cell with two convolutions, channels last, its gates compiled, with this project's tanh.

    That was the fastest of some variants: torch's tanh, and the input of all steps convolved at once, take longer.
    """

    def __init__(self, shape: Shape, weights: Weights) -> None:
        super().__init__(shape, weights)
        if shape.activation == "tanh":
            self._activation = tanh
        for convolution in (self._conv_x, self._conv_h):
            convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last)
        torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT  # noqa: SLF001  # documented, but has no public name
        self._compiled = torch.compile(self._added_and_activated, dynamic=False)

    def forward(self, frames: Tensor) -> Tensor:
        """See RecurrentCell."""
        steps = [frame.contiguous(memory_format=torch.channels_last) for frame in frames.unbind(1)]
        zeros = frames.new_zeros(len(frames), self._filters, *frames.shape[-2:])
        hidden = cell = zeros.contiguous(memory_format=torch.channels_last)
        hiddens = []
        for frame in steps:
            from_input, from_state = self._convolved(self._conv_x, frame), self._convolved(self._conv_h, hidden)
            hidden, cell = self._compiled(from_input, from_state, cell)
            hiddens.append(hidden)
        return torch.stack(hiddens, dim=1)

    def _added_and_activated(self, from_input: Tensor, from_state: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        return self._activated(from_input + from_state, cell)


class Stack:
    """Layers of such cells; each layer processes all frames before the next layer starts."""

    def __init__(self, shape: Shape, cell: type[RecurrentCell]) -> None:
        self._cells = [cell(shape, weights) for weights in shape.weights()]
        self._frames = torch.from_numpy(shape.frames()).unsqueeze(2)
        self._pull = torch.from_numpy(shape.pull()).permute(0, 1, 4, 2, 3).contiguous()

    def step(self) -> None:
        """See Contender."""
        self._run()

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        results = {"hidden": self._run().permute(0, 1, 3, 4, 2).numpy()}
        for index, cell in enumerate(self._cells):
            kernel, state_kernel, bias = cell.gradients()
            results[f"{index} {KERNEL}"] = kernel.permute(2, 3, 1, 0).numpy()
            results[f"{index} {STATE_KERNEL}"] = state_kernel.permute(2, 3, 1, 0).numpy()
            results[f"{index} {BIAS}"] = bias.numpy()
        return results

    def _run(self) -> Tensor:
        features = self._frames
        for cell in self._cells:
            cell.zero_grad()
            features = cell(features)
        torch.autograd.backward((features * self._pull).mean())
        return features.detach()


def _convolution(kernel: np.ndarray, bias: np.ndarray | None) -> nn.Conv2d:
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1).contiguous()
    convolution = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], bias=bias is not None)
    convolution.weight.data = weight
    if convolution.bias is not None and bias is not None:
        convolution.bias.data = torch.from_numpy(bias)
    return convolution
