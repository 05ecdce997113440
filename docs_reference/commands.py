"""The page of all commands, from the help texts of the command line."""

import re

import typer.main
from typer.cli import get_docs_for_click

from ablate.cli import app

INTRODUCTION = """# All commands and options

`python -m docs_reference` writes this page from the help texts of the commands. `ablate COMMAND --help` shows the same
text. [Commands](../commands.md) has an overview.
"""
LIST = re.compile(r"\*\*Commands\*\*:\n\n(?:\* `.*\n)+\n")
"""A list of commands: typer cuts their help texts off, and the contents of the page list them anyway."""


def commands_page() -> str:
    """Return the page in Markdown: a section for each command with its arguments, options and exit codes."""
    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="ablate")
    _, sections = LIST.sub("", text).split("\n## ", 1)
    return f"{INTRODUCTION}\n## {sections}".replace("```console\n$ ", "```text\n").rstrip() + "\n"
