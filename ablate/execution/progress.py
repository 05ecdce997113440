"""What a person sees while a study runs: cells done, running with step and loss, time left, last response."""

import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from ablate.core.control_characters import visible


@dataclass
class Running:
    """One run under way."""

    title: str
    steps: int
    step: int = 0
    loss: float = math.nan


@dataclass
class Standing:
    """How far a study is; everything a display shows."""

    total: int
    done: int
    slots: int
    response: str
    started: float = field(default_factory=time.monotonic)
    finished_here: int = 0
    failed: int = 0
    last: str = "none yet"
    running: dict[str, Running] = field(default_factory=dict)

    def seconds_left(self) -> float | None:
        """Return the time left at the pace so far, runs under way counted by their steps; None before any step."""
        under_way = sum(run.step / run.steps for run in self.running.values())
        worked = self.finished_here + under_way
        if worked == 0:
            return None
        return (time.monotonic() - self.started) / worked * (self.total - self.done - under_way)


class Display(ABC):
    """Shows a Standing to a person. Used as a context manager around the study."""

    @abstractmethod
    def update(self, standing: Standing) -> None:
        """Show the newest state."""

    @abstractmethod
    def say(self, line: str) -> None:
        """Show one line that stays."""

    @abstractmethod
    def __enter__(self) -> Self:
        """Begin to show."""

    @abstractmethod
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Leave the screen as it was."""


@final
class PlainDisplay(Display):
    """Lines only, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def update(self, standing: Standing) -> None:
        """See Display: nothing, since each finished run says its own line."""

    def say(self, line: str) -> None:
        """See Display."""
        self._console.print(visible(line), highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


@final
class LiveDisplay(Display):
    """A bar for the study and a line for every run under way, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)

    def update(self, standing: Standing) -> None:
        """See Display."""
        self._live.update(Group(_bar(standing), *(_line(run) for run in standing.running.values())))

    def say(self, line: str) -> None:
        """See Display."""
        self._live.console.print(visible(line), highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()


def display(console: Console) -> Display:
    """Return the display that fits: live on a terminal, lines elsewhere."""
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def clock(seconds: float) -> str:
    """Write a duration as a person says it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 100:  # noqa: PLR2004  # up to here seconds read better than minutes
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004


def _bar(standing: Standing) -> Progress:
    notes_column = TextColumn("{task.description}", markup=False)
    bar = Progress(TextColumn("runs"), BarColumn(bar_width=30), MofNCompleteColumn(), notes_column)
    left = standing.seconds_left()
    notes = [
        "" if left is None else f"{clock(left)} left",
        f"last {standing.response} {standing.last}",
        f"{standing.failed} failed" if standing.failed else "",
    ]
    bar.add_task("   ".join(note for note in notes if note), total=standing.total, completed=standing.done)
    return bar


def _line(run: Running) -> Text:
    loss = "" if math.isnan(run.loss) else f"   loss {run.loss:.4f}"
    return Text(f"  {run.title}   step {run.step}/{run.steps}{loss}", overflow="ellipsis", no_wrap=True)
