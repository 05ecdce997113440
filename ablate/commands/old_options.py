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
REMOVED_WITH_VALUE = {
    command: {"--interval": "every confidence interval is cluster-robust (CR2)"} for command in ("analyze", "calibrate")
}
REMOVED_WITH_VALUE["analyze"] |= {"--permutations": "all flips are enumerated, or 9,999 are drawn"}
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
    with_value = REMOVED_WITH_VALUE.get(command, {})
    options_end = arguments.index("--") if "--" in arguments else len(arguments)
    is_removed_value = False
    for position, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if is_removed_value:
            is_removed_value = False
        elif position > options_end or option not in renamed | removed | with_value:
            yield argument
        elif option in with_value:
            say(f"warning: {option} was removed and is ignored; {with_value[option]}", console, "yellow")
            is_removed_value = not equals
        elif option in renamed:
            new = renamed[option]
            say(f"warning: {option} is now {new}; the next minor version will refuse {option}", console, "yellow")
            yield f"{new}{equals}{value}"
        else:
            say(f"warning: {option} was removed and is ignored; {removed[option]}", console, "yellow")
