"""The protocol: checked first, then timed in rounds, one at a time, in ABBA order."""

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
"""Largest difference to this project's results, as part of each tensor's norm."""
SECONDS = 1.5
"""A contender trains for about so long in a round, but at least one step."""


@dataclass
class Timed:
    """Seconds a step and calibrators' figures, one a round, and bytes of memory."""

    shape: Shape
    steps: dict[str, list[float]] = field(default_factory=dict)
    calibrators: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)


def checked(shape: Shape, contenders: Sequence[str], threads: int) -> dict[str, float]:
    """Return each contender's largest difference to this project. Raises ValueError if one computes something else."""
    with TemporaryDirectory() as folder:
        results = {name: _results(name, shape, threads, Path(folder) / "results.npz") for name in (OURS, *contenders)}
    found = {name: max(_differences(results[name], results[OURS])) for name in contenders}
    for name, difference in found.items():
        if not difference <= TOLERANCE:
            raise ValueError(f"{name} computes something else on {shape.name}: differs by {difference:.2g}")
    return found


def timed(shape: Shape, contenders: Sequence[str], rounds: int, *, alone: bool, **how: Any) -> Timed:
    """Time the contenders and the calibrators in every round, each round in the other order than the one before.

    Alone, every measurement has a new process: for shapes of which memory holds only one.
    """
    found, names = Timed(shape), [*contenders, CALIBRATORS]
    with ExitStack() as stack:
        kept = {} if alone else {name: _warmed(stack.enter_context(process(name, shape, **how))) for name in names}
        for number in range(rounds):
            for name in names if number % 2 == 0 else reversed(names):
                _metric(found, name, kept, how)
            told = ", ".join(f"{name} {steps[-1]:.4g} s" for name, steps in found.steps.items())
            Console(stderr=True).print(f"{shape.name}, round {number + 1} of {rounds}: {told}")
        for name, running in kept.items():
            if name != CALIBRATORS:
                found.memory[name] = running.ask("memory")
    return found


def _metric(found: Timed, name: str, kept: dict[str, Process], how: dict[str, Any]) -> None:
    if kept:
        _note(found, name, kept[name].ask("time", seconds=SECONDS))
        return
    with process(name, found.shape, **how) as running:
        _warmed(running)
        _note(found, name, running.ask("time", seconds=SECONDS))
        if name != CALIBRATORS:
            found.memory[name] = running.ask("memory")


def _note(found: Timed, name: str, answer: dict[str, float]) -> None:
    if name == CALIBRATORS:
        for calibrator, figure in answer.items():
            found.calibrators.setdefault(calibrator, []).append(figure)
    else:
        found.steps.setdefault(name, []).append(answer["step"])


def _warmed(running: Process) -> Process:
    running.ask("warm")
    return running


def _results(name: str, shape: Shape, threads: int, file: Path) -> dict[str, np.ndarray]:
    with process(name, shape, threads) as running:
        running.ask("check", file=str(file))
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def _differences(theirs: dict[str, np.ndarray], ours: dict[str, np.ndarray]) -> Iterator[float]:
    if theirs.keys() != ours.keys():
        raise ValueError(f"results have other names: {sorted(theirs)} and {sorted(ours)}")
    for name, values in ours.items():
        yield float(np.linalg.norm(theirs[name] - values) / np.linalg.norm(values))
