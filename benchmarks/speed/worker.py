"""The process of one contender: it answers each line of JSON with a line of JSON.

`{"do": "check", "file": ...}` writes results to an .npz file. `{"do": "warm"}` builds the contender and takes its first
step. `{"do": "time", "seconds": s}` trains for about s seconds, at least one step, and answers with seconds per step.
`{"do": "memory"}` answers with bytes.
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

from benchmarks.speed.calibrators import CALIBRATORS, Clock
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.shape import Shape, smaller

KIBIBYTE = 1024


def main() -> None:
    """Serve the contender named on the command line, with the shape and the number of threads given there as JSON."""
    name, shape, threads = sys.argv[1], Shape(**json.loads(sys.argv[2])), int(sys.argv[3])
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not mix with the answers
    torch.set_num_threads(threads)
    worker = Calibrating() if name == "calibrators" else Training(name, shape)
    for line in sys.stdin:
        order = json.loads(line)
        answers.write(json.dumps(getattr(worker, order.pop("do"))(**order)) + "\n")
        answers.flush()


class Training:
    """A contender, built when it is warmed up, so that a check before that has no effect on its memory."""

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

    def time(self, seconds: float, *, cpu: bool = False) -> dict[str, Any]:
        """Train for about that long; with `cpu`, in seconds of all threads, which other processes do not prolong."""
        clock = _clock(cpu=cpu)
        steps, start = 0, clock()
        while not steps or clock() - start < seconds:
            self._contender.step()
            steps += 1
        return {"step": (clock() - start) / steps}

    def memory(self) -> dict[str, Any]:
        """Return the peak memory of the process, and the part of it that the contender added."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
        return {"peak": peak, "added": peak - self._before}


class Calibrating:
    """The machine's limits, measured in the same rounds."""

    def time(self, seconds: float, *, cpu: bool = False) -> dict[str, Any]:  # noqa: ARG002  # same orders as for contenders
        """Return every calibrator's figure."""
        clock = _clock(cpu=cpu)
        return {name: calibrator(clock) for name, calibrator in CALIBRATORS.items()}

    def warm(self) -> dict[str, Any]:
        """Run each calibrator once."""
        return self.time(0)


def _clock(*, cpu: bool) -> Clock:
    return time.process_time if cpu else time.perf_counter


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
