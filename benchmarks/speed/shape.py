"""The shapes that are timed: a stack of ConvLSTM layers and its batch."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

KERNEL, STATE_KERNEL, BIAS = "kernel", "state_kernel", "bias"
LIT = 0.1
"""Share of lit pixels, about that of two digits."""
Weights = dict[str, np.ndarray]
"""A layer's weights as Keras lays them out: kernels (height, width, channel, 4 x filter), gates i, f, candidate, o."""


@dataclass(frozen=True)
class Shape:
    """Layers of equal width; `kernels` has one size per layer, for input and state."""

    name: str
    kernels: tuple[int, ...]
    filters: int
    side: int
    time: int
    batch: int
    activation: Literal["tanh", "relu", "sigmoid"]
    gate: Literal["sigmoid", "hard_sigmoid"]

    @property
    def gflop(self) -> float:
        """Return 1e9 floating-point operations of a training step: 2 for each multiply-add of its convolutions.

        Forward, and backward to weights and images, but not to the frames; the first step has no state convolution.
        """
        pixels, total = self.batch * self.side**2, 0
        for layer, kernel in enumerate(self.kernels):
            inputs, passes = (self.filters, 3) if layer else (1, 2)
            multiplies = 4 * self.filters * kernel**2 * pixels
            total += multiplies * (inputs * passes * self.time + self.filters * 3 * (self.time - 1))
        return 2 * total / 1e9

    def weights(self) -> list[Weights]:
        """Draw the weights of every layer, the same for every contender."""
        generator, inputs, layers = np.random.default_rng(0), 1, []
        for kernel in self.kernels:
            shape = (kernel, kernel, inputs, 4 * self.filters)
            state_shape = (kernel, kernel, self.filters, 4 * self.filters)
            layers.append(
                {
                    KERNEL: _glorot(generator, shape),
                    STATE_KERNEL: 0.5 * _glorot(generator, state_shape),
                    BIAS: np.repeat(np.array([0, 1, 0, 0], np.float32), self.filters),
                }
            )
            inputs = self.filters
        return layers

    def frames(self) -> np.ndarray:
        """Draw a batch of frames (batch, time, height, width), some pixels lit."""
        generator = np.random.default_rng(1)
        return (generator.random((self.batch, self.time, self.side, self.side)) < LIT).astype(np.float32)

    def pull(self) -> np.ndarray:
        """Draw the factors of the last layer's hidden states in the loss: (batch, time, height, width, filter)."""
        size = (self.batch, self.time, self.side, self.side, self.filters)
        return np.random.default_rng(2).standard_normal(size, dtype=np.float32)


def _glorot(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    area = shape[0] * shape[1]
    limit = (6 / (area * (shape[2] + shape[3]))) ** 0.5
    return generator.uniform(-limit, limit, shape).astype(np.float32)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny", (3, 3), 16, 16, 19, 16, "tanh", "sigmoid"),
        Shape("medium", (1, 2, 1, 2), 16, 64, 15, 8, "relu", "hard_sigmoid"),
        Shape("case", (1, 2, 1, 2), 64, 64, 15, 4, "relu", "hard_sigmoid"),
    )
}


def smaller(shape: Shape) -> Shape:
    """Return the shape at the size at which outputs and gradients are compared before it is timed."""
    return replace(shape, batch=2, time=5, side=12)
