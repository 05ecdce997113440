"""Breakdown of a step's time by torch's profiler: `python -m benchmarks.speed.breakdown [shape ...]`.

Prints milliseconds of this project's step by kind of work, and the time of a step without the profiler.
"""

import os
import sys
import time
from collections import Counter

import torch
from rich.console import Console
from rich.table import Table

from ablate.execution.executors.local import MALLOC
from benchmarks.speed.contenders import CONTENDERS, OURS
from benchmarks.speed.shape import SHAPES

THREADS, WARM_STEPS, STEPS = 2, 3, 5
KINDS = {
    "convolution_backward": "gradients of kernels",
    "convolution": "convolutions, and gradients of images",
    "addmm": "1x1 kernels, as matrix products",
    "mm": "1x1 kernels, as matrix products",
    "CompiledFxGraph": "gates, forward and backward",
    "sum": "sums, of biases and of the loss",
    "fill_": "zeroing and copying",
    "copy_": "zeroing and copying",
}
"""The first key that occurs in an operator's name gives its kind."""
OTHER_WORK = "everything else, calls included"


def main() -> None:
    """Print a table of every shape named on the command line, or of all."""
    if not MALLOC.items() <= os.environ.items():  # malloc reads them at the start of a process
        os.execve(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]], {**os.environ, **MALLOC})  # noqa: S606  # this module
    torch.set_num_threads(THREADS)
    table = Table("shape", "work", "milliseconds a step", "share")
    for name in sys.argv[1:] or SHAPES:
        contender = CONTENDERS[OURS](SHAPES[name])
        for _ in range(WARM_STEPS):
            contender.step()
        start = time.perf_counter()
        for _ in range(STEPS):
            contender.step()
        milliseconds_a_step = 1000 * (time.perf_counter() - start) / STEPS
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            contender.step()
        milliseconds: Counter[str] = Counter()
        for event in profiler.key_averages():
            milliseconds[_kind(event.key)] += event.self_cpu_time_total / 1000
        for kind, spent in milliseconds.most_common():
            table.add_row(name, kind, f"{spent:.1f}", f"{spent / milliseconds.total():.0%}")
        table.add_row(name, "without the profiler", f"{milliseconds_a_step:.1f}", "")
    Console().print(table)


def _kind(operator: str) -> str:
    return next((kind for part, kind in KINDS.items() if part in operator), OTHER_WORK)


if __name__ == "__main__":
    main()
