"""Time of this project's layer in both memory layouts: `taskset -c 1 python -m benchmarks.speed.layouts [rounds]`.

Prints the CPU milliseconds of a training step of one layer on one thread (the smallest of the rounds), with channels
last and with pixels last, and their ratio. The layer has as many input channels as filters.
"""

import os
import sys
from time import process_time

import torch
from rich.console import Console
from rich.table import Table

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.fast import scan
from ablate.components.models.fast.switch import compiled_gates
from ablate.components.models.specs import CellSettings
from ablate.execution.executors.local import MALLOC

ROUNDS = 5
TIME, BATCH, SIDE = 19, 16, 24
CASES = tuple((filters, kernel) for filters in (2, 3, 4, 8, 12, 16, 24) for kernel in (2, 3, 5))
MIN_FILTERS = {"channels last": 0, "pixels last": sys.maxsize}
"""Values of MIN_CHANNELS_LAST_FILTERS that force a layout."""


def main() -> None:
    """Print a table of all cases."""
    if not MALLOC.items() <= os.environ.items():  # malloc reads them at the start of a process
        os.execve(sys.executable, [sys.executable, "-m", __spec__.name, *sys.argv[1:]], {**os.environ, **MALLOC})  # noqa: S606  # this module
    torch.set_num_threads(1)
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    table = Table("filters", "kernel", *MIN_FILTERS, "ratio")
    for filters, kernel in CASES:
        channels_last, pixels_last = _milliseconds(filters, kernel, rounds)
        ratio = f"{channels_last / pixels_last:.2f}"
        table.add_row(str(filters), str(kernel), f"{channels_last:.1f}", f"{pixels_last:.1f}", ratio)
    Console().print(table)


def _milliseconds(filters: int, kernel: int, rounds: int) -> list[float]:
    """Return the time of a step in each layout."""
    layer = ConvLSTMLayer(filters, filters, kernel, kernel, CellSettings("tanh", "sigmoid", 1.0, "keras", False))  # noqa: FBT003  # no peepholes
    features = torch.rand(TIME, BATCH, filters, SIDE, SIDE, requires_grad=True)
    seconds: dict[str, list[float]] = {layout: [] for layout in MIN_FILTERS}
    for _ in range(rounds + 1):
        for layout, min_filters in MIN_FILTERS.items():
            scan.MIN_CHANNELS_LAST_FILTERS = min_filters
            start = process_time()
            layer.zero_grad()
            with compiled_gates(enabled=True):
                hidden, _ = layer(features)
            torch.autograd.backward(hidden.square().mean())
            seconds[layout].append(process_time() - start)
    return [1000 * min(times[1:]) for times in seconds.values()]  # the first round compiles


if __name__ == "__main__":
    main()
