"""A study under fire as one process, so that a test can kill it: `python -m tests.crash.drive STUDY.yaml STORE`."""

import sys
from pathlib import Path

from rich.console import Console

from ablate.core.errors import AblateError
from ablate.execution.driver import Driver
from ablate.execution.executors.local import LocalExecutor
from ablate.execution.lock import held
from ablate.execution.progress import PlainDisplay
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.storage.paths import Store
from ablate.study import study_file
from tests.crash.misbehavior import carry_out


def main() -> None:
    study, store = study_file.load(Path(sys.argv[1])), Store.here(Path(sys.argv[2]))
    paths = store.study(study.name)
    with held(paths.lock):
        tracker, executor = MLflowTracker(store), LocalExecutor(2, carry_out)
        tally = Driver(study, store, tracker, executor, PlainDisplay(Console())).run()
        tracker.close(paths, "", complete=not tally.open)
    sys.exit(1 if tally.failed or tally.open else 0)


if __name__ == "__main__":
    try:
        main()
    except AblateError as error:
        print(f"error: {error}")  # noqa: T201  # said to the test
        sys.exit(2)
