"""Options of the last minor version: a renamed option still works, a removed one is ignored, each with a warning."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from typer.core import TyperGroup

from ablate.commands.console import say

# An entry stays for one minor version.
RENAMED = {
    "score": {"--pred": "--forecast", "--truth": "--target"},
    "diagnose": {"--canvas": "--frame-size", "--binarise": "--binarize"},
}
RENAMED_VALUES = {
    "analyze": {"studentised": "studentized"},
    "calibrate": {"studentised": "studentized"},
}
REMOVED = {
    "analyze": {"--importances": "the Optuna dashboard shows Optuna's importances of a study: ablate ui STUDY.yaml"},
}


class CommandsWithOldOptions(TyperGroup):
    """The group of all commands, which translates old options before a command reads them."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that the first argument names, and its arguments with the options of today."""
        name, command, arguments = super().resolve_command(ctx, args)
        return name, command, list(current_options(name or "", arguments, Console(stderr=True)))


def current_options(command: str, arguments: Sequence[str], console: Console) -> Iterator[str]:
    """Yield the arguments of a command with renamed options under their new names and without removed ones.

    Arguments after `--` are no options and stay as they are. Each old option gives a warning of one line.
    """
    renamed, removed = RENAMED.get(command, {}), REMOVED.get(command, {})
    renamed_values = RENAMED_VALUES.get(command, {})
    options_end = arguments.index("--") if "--" in arguments else len(arguments)
    for position, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if position <= options_end and (value or argument) in renamed_values:
            old = value or argument
            new = renamed_values[old]
            say(f"warning: {old} is now {new}; the next minor version will refuse {old}", console, "yellow")
            yield f"{option}={new}" if equals else new
        elif position > options_end or option not in renamed | removed:
            yield argument
        elif option in renamed:
            new = renamed[option]
            say(f"warning: {option} is now {new}; the next minor version will refuse {option}", console, "yellow")
            yield f"{new}{equals}{value}"
        else:
            say(f"warning: {option} was removed and is ignored; {removed[option]}", console, "yellow")
