"""The process of a contender, from the side of its parent."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ablate.execution.executors.local import MALLOC
from benchmarks.speed.contenders import OURS
from benchmarks.speed.shape import SHAPES, Shape

CALIBRATORS = "calibrators"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


class Process:
    """A process that runs the contender of that name, or the calibrators."""

    def __init__(self, name: str, shape: Shape, threads: int, *, allocator: bool) -> None:
        environment = os.environ | QUIET | {"OMP_NUM_THREADS": str(threads)}
        environment |= MALLOC if allocator else {}
        self._name = name
        self._process = subprocess.Popen(  # noqa: S603  # a module of this package
            [sys.executable, "-m", "benchmarks.speed.worker", name, json.dumps(asdict(shape)), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, order: str, **details: Any) -> dict[str, Any]:
        """Send an order and wait for the answer. Raises RuntimeError if the process ends instead."""
        self.send(order, **details)
        return self.answer()

    def send(self, order: str, **details: Any) -> None:
        """Send an order."""
        assert self._process.stdin, "it is a pipe"  # noqa: S101  # for the type checker
        self._process.stdin.write(json.dumps({"do": order} | details) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the last order. Raises RuntimeError if the process ends instead."""
        assert self._process.stdout, "it is a pipe"  # noqa: S101  # for the type checker
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self._name} ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


@contextmanager
def process(
    name: str, shape: Shape | None = None, threads: int = 2, *, allocator: bool | None = None
) -> Iterator[Process]:
    """Start a process and end it. With allocator None, only this project's layer gets the project's malloc settings."""
    started = Process(
        name, shape or SHAPES["tiny"], threads, allocator=name == OURS if allocator is None else allocator
    )
    try:
        yield started
    finally:
        started.end()
