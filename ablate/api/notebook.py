"""How a result shows itself: as text in a console, as plain HTML in a notebook; and where its progress goes."""

import io
import warnings
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, final

import pandas as pd
from rich.console import Console

from ablate.core.plain import visible


def as_text(title: str, sentences: Iterable[str]) -> str:
    """Return a title and sentences, one a line."""
    return visible("\n".join((title, *(f"  {sentence}" for sentence in sentences))))


def as_html(title: str, sentences: Iterable[str], tables: Mapping[str, pd.DataFrame]) -> str:
    """Return a title, sentences, and tables with a caption each as HTML. A table without rows is left out."""
    paragraphs = "".join(f"<p>{escape(visible(sentence))}</p>" for sentence in sentences)
    captioned = "".join(
        f"<p><strong>{escape(caption)}</strong></p>{_table(frame)}" for caption, frame in tables.items() if len(frame)
    )
    return f"<div><p><strong>{escape(visible(title))}</strong></p>{paragraphs}{captioned}</div>"


def _table(frame: pd.DataFrame) -> str:
    """Return a frame as HTML, with three digits of each number and blanks where a value is missing."""
    html: str = frame.to_html(index=False, na_rep="", float_format="{:.3g}".format)
    return html


def progress_console(*, progress: bool) -> Console:
    """Return the console for progress: stderr in plain lines, or one that turns warnings into Python's."""
    # a notebook is no terminal: without widgets it would get a new line for every refresh
    return Console(stderr=True, force_jupyter=False) if progress else SilentConsole()


@final
class SilentConsole(Console):
    """A console that shows nothing. What the commands print in yellow becomes a UserWarning."""

    def __init__(self) -> None:
        super().__init__(file=io.StringIO(), force_jupyter=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Warn of a warning; drop every other line."""
        if options.get("style") == "yellow":
            warnings.warn(" ".join(map(str, objects)).removeprefix("warning: "), stacklevel=3)
