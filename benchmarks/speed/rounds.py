"""The protocol: contenders are checked first, then timed in rounds, one at a time, in ABBA order."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.speed.contenders import OURS
from benchmarks.speed.process import CALIBRATORS, Process, process
from benchmarks.speed.shape import Shape

TOLERANCE = 2e-4
"""Largest allowed difference from this project's results, relative to the norm of each tensor."""
SECONDS = 1.5
"""Duration of a contender's training in a round; it takes at least one step."""


@dataclass
class Timed:
    """Seconds per step and the calibrators' figures, one for each round, and bytes of memory."""

    shape: Shape
    steps: dict[str, list[float]] = field(default_factory=dict)
    calibrators: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)


def checked(shape: Shape, contenders: Sequence[str], threads: int) -> dict[str, float]:
    """Return each contender's largest difference from this project. Raises ValueError if it exceeds TOLERANCE."""
    with TemporaryDirectory() as folder:
        results = {name: _results(name, shape, threads, Path(folder) / "results.npz") for name in (OURS, *contenders)}
    largest = {name: max(_differences(results[name], results[OURS])) for name in contenders}
    for name, difference in largest.items():
        if not difference <= TOLERANCE:
            raise ValueError(f"{name} differs by {difference:.2g} on {shape.name}; at most {TOLERANCE} is allowed")
    return largest


def timed(
    shape: Shape, contenders: Sequence[str], rounds: int, *, alone: bool, cpu: bool = False, **settings: Any
) -> Timed:
    """Time the contenders and the calibrators in every round; the order is reversed from round to round.

    With `alone`, every measurement has a new process: for shapes of which only one fits into memory. With `cpu`, times
    are CPU seconds.
    """
    times, names = Timed(shape), [*contenders, CALIBRATORS]
    with ExitStack() as stack:
        processes = (
            {} if alone else {name: _warmed(stack.enter_context(process(name, shape, **settings))) for name in names}
        )
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                _time_once(times, name, processes, {"seconds": SECONDS, "cpu": cpu}, settings)
            latest = ", ".join(f"{name} {steps[-1]:.4g} s" for name, steps in times.steps.items())
            Console(stderr=True).print(f"{shape.name}, round {number + 1} of {rounds}: {latest}")
        for name, running in processes.items():
            if name != CALIBRATORS:
                times.memory[name] = running.ask("memory")
    return times


def _time_once(
    times: Timed, name: str, processes: dict[str, Process], order: dict[str, Any], settings: dict[str, Any]
) -> None:
    if processes:
        _record(times, name, processes[name].ask("time", **order))
        return
    with process(name, times.shape, **settings) as running:
        _warmed(running)
        _record(times, name, running.ask("time", **order))
        if name != CALIBRATORS:
            times.memory[name] = running.ask("memory")


def _record(times: Timed, name: str, answer: dict[str, float]) -> None:
    if name == CALIBRATORS:
        for calibrator, figure in answer.items():
            times.calibrators.setdefault(calibrator, []).append(figure)
    else:
        times.steps.setdefault(name, []).append(answer["step"])


def _warmed(running: Process) -> Process:
    running.ask("warm")
    return running


def _results(name: str, shape: Shape, threads: int, file: Path) -> dict[str, np.ndarray]:
    with process(name, shape, threads) as running:
        running.ask("check", file=str(file))
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def _differences(results: dict[str, np.ndarray], ours: dict[str, np.ndarray]) -> Iterator[float]:
    if results.keys() != ours.keys():
        raise ValueError(f"results have different names: {sorted(results)} and {sorted(ours)}")
    for name, values in ours.items():
        yield float(np.linalg.norm(results[name] - values) / np.linalg.norm(values))
