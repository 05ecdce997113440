"""What a command says on the console, and what it writes."""

from pathlib import Path

from rich.console import Console

from ablate.control_characters import visible
from ablate.records import whole_file


def say(sentence: str, console: Console, style: str | None = None) -> None:
    """Print a sentence as it is, control characters written out."""
    console.print(visible(sentence), style=style, highlight=False, markup=False, soft_wrap=True)


def write(path: Path, text: str, console: Console) -> None:
    """Write a file whole or not at all, and say so."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say_written(path, console)


def say_written(path: Path, console: Console) -> None:
    """Print that a file was written."""
    say(f"written: {path}", console)
