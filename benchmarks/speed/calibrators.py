"""The limits of this machine: arithmetic of matrix products and convolutions, and memory traffic."""

from collections.abc import Callable, Mapping

import torch
from torch.nn import functional

REPEATS = 5
Clock = Callable[[], float]
"""Returns seconds: of the wall, or of the CPU."""


def matrix_product(clock: Clock) -> float:
    """Return GFLOP/s of a float32 product of two 2,048 x 2,048 matrices."""
    a = torch.rand(2048, 2048)
    return 2 * 2048**3 / _best(lambda: a @ a, clock) / 1e9


def convolution(clock: Clock) -> float:
    """Return GFLOP/s of the fastest of some convolutions from 64 to 256 channels, forward, channels last."""
    return max(_convolution(kernel, side, clock) for kernel in (2, 3) for side in (32, 64))


def copy(clock: Clock) -> float:
    """Return GB/s, read and written, of a copy of 256 MiB, more than any cache holds."""
    source = torch.rand(1 << 26)
    target = torch.empty_like(source)
    return 2 * source.nbytes / _best(lambda: target.copy_(source), clock) / 1e9


CALIBRATORS: Mapping[str, Callable[[Clock], float]] = {
    "matrix product": matrix_product,
    "convolution": convolution,
    "copy": copy,
}


def _convolution(kernel: int, side: int, clock: Clock) -> float:
    layout = torch.channels_last
    images = torch.rand(16, 64, side + kernel - 1, side + kernel - 1).contiguous(memory_format=layout)
    weight = torch.rand(256, 64, kernel, kernel).contiguous(memory_format=layout)
    return 2 * 16 * side**2 * weight.numel() / _best(lambda: functional.conv2d(images, weight), clock) / 1e9


def _best(function: Callable[[], object], clock: Clock) -> float:
    function()
    seconds = []
    for _ in range(REPEATS):
        start = clock()
        function()
        seconds.append(clock() - start)
    return min(seconds)
