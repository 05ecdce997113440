"""A sequential study as one process: `python -m tests.crash.drive_looks STUDY.yaml STORE STOP_AT [KILL_AT]`.

It kills itself, as a machine that fails would, right after it has recorded the look at KILL_AT seeds.
"""

import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from ablate.execution.driver import Driver
from ablate.execution.executors.local import LocalExecutor
from ablate.execution.lock import held
from ablate.execution.progress import PlainDisplay
from ablate.execution.tracking.tracker import MemoryTracker
from ablate.storage.looks import RecordedLook, add_look
from ablate.storage.paths import Store
from ablate.study import study_file
from tests.crash.steady import carry_out


def main() -> None:
    file, root, stop_at, *kill_at = sys.argv[1:]
    study, store = study_file.load(Path(file)), Store.here(Path(root))
    paths = store.study(study.name)

    def decide(seeds: int) -> bool:
        results = sum(1 for run in study.planned_runs[:] if run.seed < seeds and paths.run(run.id).record.exists())
        look = RecordedLook(
            at="now",
            seeds=seeds,
            planned_seeds=len(study.seeds),
            runs=results,
            is_planned=True,
            stops=seeds == int(stop_at),
            verdicts={},
            tests=(),
            plan=None,
        )
        add_look(paths, look)
        if [str(seeds)] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return look.stops

    with held(paths.lock):
        executor = LocalExecutor(2, carry_out)
        tally = Driver(study, store, MemoryTracker(), executor, PlainDisplay(Console()), decide).run()
    sys.exit(1 if tally.failed or tally.open else 0)


if __name__ == "__main__":
    main()
