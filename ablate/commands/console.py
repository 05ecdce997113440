"""Console output, exit codes and output files of all commands."""

import errno
import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ablate.core.errors import AblateError, OldNamesWarning, SpecError
from ablate.core.plain import visible
from ablate.storage.atomic import whole_file

INTERNAL_ERROR = 1
CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command, and return its exit code; an error becomes one message on stderr.

    With ABLATE_DEBUG set, an unexpected exception is raised.
    """
    try:
        command()
    except AblateError as error:
        return _print_error(str(error), error.exit_code)
    except Exception as error:
        if os.environ.get("ABLATE_DEBUG"):
            raise
        return _print_error(_unexpected_error(error), INTERNAL_ERROR)
    return 0


def _unexpected_error(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
        return f"{error.filename or 'a file'} cannot be written: {error.strerror}; finished results are kept"
    return f"unexpected {type(error).__name__}: {error} (set ABLATE_DEBUG=1 for a traceback)"


def _print_error(message: str, exit_code: int) -> int:
    say(f"error: {message}", Console(stderr=True), "red")
    return exit_code


def say(sentence: str, console: Console, style: str | None = None) -> None:
    """Print a sentence without markup, with control characters escaped."""
    console.print(visible(sentence), style=style, highlight=False, markup=False, soft_wrap=True)


def write(path: Path, text: str, console: Console) -> None:
    """Write a file completely or not at all, and print its name."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say_written(path, console)


def say_written(path: Path, console: Console) -> None:
    """Print that a file was written."""
    say(f"written: {path}", console)


def show_old_names(console: Console) -> None:
    """Print each warning of old names as one line, once; every other warning is shown as before."""
    show = warnings.showwarning

    def show_in_a_line(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if issubclass(category, OldNamesWarning):
            say(f"warning: {message}", console, "yellow")
        else:
            show(message, category, *place, **options)

    warnings.showwarning = show_in_a_line
    warnings.simplefilter("once", OldNamesWarning)


def json_text(numbers: Mapping[str, Any]) -> str:
    """Return numbers as the text of a JSON file."""
    return json.dumps(numbers, indent=1, allow_nan=False) + "\n"


def refuse_overwriting(outputs: Mapping[str, Path | None], *inputs: Path | None) -> None:
    """Raise SpecError for an option that names a folder, a file that is read, or another option's file.

    `outputs` are files by option; None stands for an option or input that is absent.
    """
    taken = {path.resolve(): "is read by this command" for path in inputs if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        if place.is_dir():
            raise SpecError(f"{option}: {path} is a folder; name a file in it")
        if place in taken:
            raise SpecError(f"{option}: {path} {taken[place]}; name another file")
        taken[place] = f"is written by {option} too"
