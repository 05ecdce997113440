"""The `__main__` guard: worker processes import the script that started them, and must not start the study again."""

import os
from multiprocessing.process import current_process

from ablate.execution.executors.local import UNGUARDED


def leave_importing_worker() -> None:
    """End this process at once if it is a worker that imports the script of the study; else do nothing.

    Its driver sees the exit code, and raises one error with the lines that the script needs.
    """
    # multiprocessing sets this while a new process imports the main script, and checks it in the same way
    if getattr(current_process(), "_inheriting", False):
        os._exit(UNGUARDED)
