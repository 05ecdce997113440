"""What a command says, and what it writes."""

from pathlib import Path

from rich.console import Console

from ablate.records import whole_file


def write(path: Path, text: str, console: Console) -> None:
    """Write a file whole or not at all, and say so."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"written: {path}", console)


def say(sentence: str, console: Console) -> None:
    """Print a sentence as it is."""
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
