"""Whether the seeds of one cell train faster together: one grouped convolution against one after the other."""

from collections.abc import Callable
from dataclasses import asdict
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from benchmarks.speed.summary import median
from benchmarks.speed.sweep import BASE

SEEDS = (1, 2, 4, 8)
REPEATS = 20


def fused_seeds(rounds: int) -> dict[str, Any]:
    """Return the time of a step's convolutions grouped over that of separate ones, for each number of seeds.

    The convolutions are the state convolution forward, and backward to images and weights, on one thread as a worker
    has. Above 1, fusing takes longer.
    """
    torch.set_num_threads(1)
    return {str(seeds): asdict(median([_ratio(seeds) for _ in range(rounds)])) for seeds in SEEDS}


def _ratio(seeds: int) -> float:
    grouped, separate = _step(seeds, 1, seeds), _step(1, seeds, 1)
    return _seconds(grouped) / _seconds(separate)


def _step(groups: int, times: int, seeds: int) -> Callable[[], None]:
    kernel, filters = BASE.kernels[0], BASE.filters
    images = torch.rand(BASE.batch, seeds * filters, BASE.side, BASE.side)
    weight = torch.rand(seeds * 4 * filters, filters, kernel, kernel)
    grad_output = torch.rand(BASE.batch, seeds * 4 * filters, BASE.side, BASE.side)
    images, weight, grad_output = (
        tensor.contiguous(memory_format=torch.channels_last) for tensor in (images, weight, grad_output)
    )

    def run() -> None:
        for _ in range(times):
            _forward_and_backward(images, weight, grad_output, groups)

    return run


def _forward_and_backward(images: Tensor, weight: Tensor, grad_output: Tensor, groups: int) -> None:
    padding, ones, transposed = [weight.shape[-1] // 2] * 2, [1, 1], False
    torch.conv2d(images, weight, None, 1, padding, 1, groups)
    torch.ops.aten.convolution_backward(
        grad_output, images, weight, None, ones, padding, ones, transposed, [0, 0], groups, [True, True, False]
    )


def _seconds(function: Callable[[], None]) -> float:
    function()
    start = perf_counter()
    for _ in range(REPEATS):
        function()
    return perf_counter() - start
