"""Growth of the layer's time with each dimension of its shape: slopes in log-log."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.speed.contenders import OURS
from benchmarks.speed.process import process
from benchmarks.speed.rounds import SECONDS
from benchmarks.speed.shape import SHAPES, Shape
from benchmarks.speed.summary import median

BASE = replace(SHAPES["tiny"], name="sweep", side=24, batch=8, time=12)
SWEPT: Mapping[str, tuple[int, ...]] = {
    "time": (4, 8, 16, 32, 64),
    "side": (8, 16, 32, 64),
    "filters": (4, 8, 16, 32, 64),
    "batch": (1, 2, 4, 8, 16, 32),
}


def resized(dimension: str, value: int) -> Shape:
    """Return the base shape with another size along one dimension."""
    sizes: dict[str, Any] = {dimension: value}
    return replace(BASE, **sizes)


def swept(dimension: str, rounds: int, threads: int) -> dict[str, Any]:
    """Return seconds per step at every value, and the slope of the least-squares line through their logarithms."""
    seconds = {}
    for value in SWEPT[dimension]:
        with process(OURS, resized(dimension, value), threads) as running:
            running.ask("warm")
            seconds[value] = median([running.ask("time", seconds=SECONDS / 3)["step"] for _ in range(rounds)])
    slope = np.polyfit(np.log(list(seconds)), np.log([step.value for step in seconds.values()]), 1)[0]
    return {"seconds_a_step": {value: asdict(step) for value, step in seconds.items()}, "slope": float(slope)}


def workers(rounds: int, cores: int) -> dict[str, Any]:
    """Return training steps per second: one worker with a thread per core, against a single-thread worker per core.

    The single-thread workers run at the same time.
    """
    together, alone = [], []
    with ExitStack() as stack:
        many = stack.enter_context(process(OURS, BASE, cores))
        single = [stack.enter_context(process(OURS, BASE, 1)) for _ in range(cores)]
        for running in (many, *single):
            running.ask("warm")
        for _ in range(rounds):
            alone.append(1 / many.ask("time", seconds=SECONDS)["step"])
            for running in single:
                running.send("time", seconds=SECONDS)
            together.append(sum(1 / running.answer()["step"] for running in single))
    ratios = [a / b for a, b in zip(together, alone, strict=True)]
    return {
        f"one worker of {cores} threads": asdict(median(alone)),
        f"{cores} workers of one thread": asdict(median(together)),
        "ratio": asdict(median(ratios)),
    }
