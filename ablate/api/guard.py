"""The `__main__` guard: worker processes import the script that started them, and must not start the study again."""

import os
import sys
from multiprocessing.process import current_process
from pathlib import Path
from traceback import walk_stack

from ablate.execution.executors.local import UNGUARDED, unguarded_script

GUARDS = ("__main__", "__mp_main__", "parent_process")
"""Words by which a script can tell whether a worker imports it. A script with none of them has no guard."""


def require_guard() -> None:
    """Raise AblateError where the script has no guard, and end this process at once if it is a worker that imports it.

    A script that has a guard in another place is noticed later, by its first worker: the driver sees the exit code, and
    raises the same error.
    """
    # multiprocessing sets this while a new process imports the main script, and checks it in the same way
    if getattr(current_process(), "_inheriting", False):
        os._exit(UNGUARDED)
    if _is_called_by_script() and not _has_guard():
        raise unguarded_script()


def _is_called_by_script() -> bool:
    """Return whether the main script is being executed, and not only its functions, by a thread for example."""
    frames = (frame for frame, _ in walk_stack(None))
    return any(frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__" for frame in frames)


def _has_guard() -> bool:
    """Return whether the script can have a guard; True where it has no file, as in a notebook: no worker imports it."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None:
        return True
    try:
        text = Path(script).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # a zip file, or another program
        return True
    return any(word in text for word in GUARDS)
