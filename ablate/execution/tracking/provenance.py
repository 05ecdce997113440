"""Where a run comes from: who started it, and from which commit."""

import getpass
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

GIT_SECONDS = 5


def user() -> str | None:
    """Return the user's name, or None where the system has none for this process."""
    with suppress(OSError, KeyError, ImportError):  # a container may run under a number without a name
        return getpass.getuser()
    return None


@cache
def commit(folder: Path) -> str | None:
    """Return the commit checked out around `folder`, or None where git does not track `folder`.

    An installed package in a virtual environment inside some checkout is not of that checkout.
    """
    command = ["git", "-C", str(folder), "rev-parse", "HEAD", "HEAD:./"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)  # noqa: S603  # its own words
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.split()[0]
