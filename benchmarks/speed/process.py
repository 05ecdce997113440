"""The parent's end of a contender's process."""

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
    """A contender, or the calibrators, under its name."""

    def __init__(self, name: str, shape: Shape, threads: int, *, allocator: bool) -> None:
        environment = os.environ | QUIET | {"OMP_NUM_THREADS": str(threads)}
        environment |= MALLOC if allocator else {}
        self._name = name
        self._process = subprocess.Popen(  # noqa: S603  # its own module
            [sys.executable, "-m", "benchmarks.speed.worker", name, json.dumps(asdict(shape)), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def ask(self, order: str, **details: Any) -> dict[str, Any]:
        """Send an order and wait for the answer. Raises RuntimeError if the process dies of it."""
        self.send(order, **details)
        return self.answer()

    def send(self, order: str, **details: Any) -> None:
        """Send an order."""
        assert self._process.stdin, "it is a pipe"  # noqa: S101  # for the type checker
        self._process.stdin.write(json.dumps({"do": order} | details) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the last order. Raises RuntimeError if the process dies instead."""
        assert self._process.stdout, "it is a pipe"  # noqa: S101  # for the type checker
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._name} died (exit code {self._process.wait()})")
        found: dict[str, Any] = json.loads(answer)
        return found

    def end(self) -> None:
        """Let the process go."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()


@contextmanager
def process(
    name: str, shape: Shape | None = None, threads: int = 2, *, allocator: bool | None = None
) -> Iterator[Process]:
    """Start a process and end it; only this project's layer gets its allocator settings unless told otherwise."""
    started = Process(
        name, shape or SHAPES["tiny"], threads, allocator=name == OURS if allocator is None else allocator
    )
    try:
        yield started
    finally:
        started.end()
