"""One contender in a process of its own, which answers one line of JSON with another.

`{"do": "check", "shape": ..., "file": ...}` writes results to an .npz file. `{"do": "time", "seconds": s}` trains at
least one step and about s seconds, and answers with seconds a step. `{"do": "memory"}` tells bytes.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.speed.calibrators import CALIBRATORS
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.shape import Shape, smaller

KIBIBYTE = 1024


def main() -> None:
    """Serve the contender named on the command line, with the shape and the number of threads given there as JSON."""
    name, shape, threads = sys.argv[1], Shape(**json.loads(sys.argv[2])), int(sys.argv[3])
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries that print must not speak in between
    torch.set_num_threads(threads)
    worker = Calibrating() if name == "calibrators" else Training(name, shape)
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(getattr(worker, order.pop("do"))(**order)) + "\n")
        answers.flush()


class Training:
    """A contender that is built when it is first timed, so that a check leaves nothing behind it."""

    def __init__(self, name: str, shape: Shape) -> None:
        self._name, self._shape = name, shape

    def check(self, file: str) -> dict[str, Any]:
        """Write the results of the smaller shape."""
        results: dict[str, Any] = CONTENDERS[self._name](smaller(self._shape)).results()
        np.savez(file, **results)
        return {}

    def warm(self) -> dict[str, Any]:
        """Build the contender and take its first step, which compiles what is compiled."""
        self._before = _resident()
        self._contender = CONTENDERS[self._name](self._shape)
        start = time.perf_counter()
        self._contender.step()
        return {"first": time.perf_counter() - start}

    def time(self, seconds: float) -> dict[str, Any]:
        """Train for about so long."""
        steps, start = 0, time.perf_counter()
        while not steps or time.perf_counter() - start < seconds:
            self._contender.step()
            steps += 1
        return {"step": (time.perf_counter() - start) / steps}

    def memory(self) -> dict[str, Any]:
        """Tell the peak of the process, and what of it came with the contender."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
        return {"peak": peak, "own": peak - self._before}


class Calibrating:
    """What the machine can do at most, in the same minute."""

    def time(self, seconds: float) -> dict[str, Any]:  # noqa: ARG002  # told like the others
        """Return every calibrator's figure."""
        return {name: calibrator() for name, calibrator in CALIBRATORS.items()}

    def warm(self) -> dict[str, Any]:
        """Take each once."""
        return self.time(0)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
