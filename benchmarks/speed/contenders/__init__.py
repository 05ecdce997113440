"""The contenders: each module builds a ConvLSTM stack and a training step of it."""

import os
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from benchmarks.speed.shape import Shape


class Contender(Protocol):
    """A stack of layers with given weights and a batch of frames."""

    def step(self) -> None:
        """Compute the loss and the gradient of every weight, and wait until they are computed."""

    def results(self) -> dict[str, np.ndarray]:
        """Return the last layer's hidden states (batch, time, h, w, filter) and all gradients, laid out as in Keras."""


def _ours(shape: Shape) -> Contender:
    from benchmarks.speed.contenders.ours import Ours

    return Ours(shape)


def _concatenating(shape: Shape) -> Contender:
    from benchmarks.speed.contenders.cells import ConcatenatingCell, Stack

    return Stack(shape, ConcatenatingCell)


def _two_convolutions(shape: Shape) -> Contender:
    from benchmarks.speed.contenders.cells import Stack, TwoConvolutionCell

    return Stack(shape, TwoConvolutionCell)


def _compiled(shape: Shape) -> Contender:
    from benchmarks.speed.contenders.cells import CompiledCell, Stack

    return Stack(shape, CompiledCell)


def _keras(backend: str) -> Callable[[Shape], Contender]:
    def build(shape: Shape) -> Contender:
        os.environ["KERAS_BACKEND"] = backend
        from benchmarks.speed.contenders.keras_layer import BACKENDS

        return BACKENDS[backend](shape)

    return build


CONTENDERS: Mapping[str, Callable[[Shape], Contender]] = {
    "ablate": _ours,
    "one convolution a step": _concatenating,
    "two convolutions a step": _two_convolutions,
    "compiled gates": _compiled,
    "Keras on torch": _keras("torch"),
    "Keras on jax": _keras("jax"),
    "Keras on tensorflow": _keras("tensorflow"),
}
OURS, CONCATENATING, TWO, COMPILED = tuple(CONTENDERS)[:4]
KERAS = tuple(CONTENDERS)[4:]
