"""The display of a running study: finished runs, running ones with step and loss, time left, last response."""

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

from ablate.analysis.phrases import clock
from ablate.core.plain import visible


@dataclass
class RunProgress:
    """The progress of one run."""

    title: str
    steps: int
    step: int = 0
    loss: float = math.nan


@dataclass
class StudyProgress:
    """The progress of a study: everything that a display shows."""

    total: int
    done: int
    slots: int
    response: str
    started: float = field(default_factory=time.monotonic)
    finished_here: int = 0
    failed: int = 0
    unmeasurable: int = 0
    diverged: int = 0
    last: str = "none yet"
    running: dict[str, RunProgress] = field(default_factory=dict)
    stopped: str = ""
    """Why a sequential study stopped before its last seed, in words."""

    def stop_after(self, seeds: int, not_needed: int) -> None:
        """Note that a sequential study stopped: its other runs are not needed."""
        runs = "1 run is" if not_needed == 1 else f"{not_needed} runs are"
        self.stopped = f"{runs} not needed: the study was decided after {seeds} seeds"
        self.total = self.done

    def seconds_left(self) -> float | None:
        """Return the remaining time at the present pace, counting steps of unfinished runs; None before any step."""
        under_way = sum(run.step / run.steps for run in self.running.values())
        done_here = self.finished_here + under_way
        if done_here == 0:
            return None
        return (time.monotonic() - self.started) / done_here * (self.total - self.done - under_way)


class Display(ABC):
    """Shows the progress of a study; a context manager around it."""

    @abstractmethod
    def update(self, standing: StudyProgress) -> None:
        """Show the present progress."""

    @abstractmethod
    def say(self, line: str) -> None:
        """Print one line above the display."""

    @abstractmethod
    def __enter__(self) -> Self:
        """Start the display."""

    @abstractmethod
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the display, and restore the screen."""


@final
class PlainDisplay(Display):
    """Lines only, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def update(self, standing: StudyProgress) -> None:
        """See Display: prints nothing, since each finished run prints a line."""

    def say(self, line: str) -> None:
        """See Display."""
        self._console.print(visible(line), highlight=False, markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


@final
class LiveDisplay(Display):
    """A bar for the study and a line for each running run, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)

    def update(self, standing: StudyProgress) -> None:
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
    """Return a live display on a terminal, and lines elsewhere."""
    return LiveDisplay(console) if console.is_terminal else PlainDisplay(console)


def _bar(standing: StudyProgress) -> Progress:
    notes_column = TextColumn("{task.description}", markup=False)
    bar = Progress(TextColumn("runs"), BarColumn(bar_width=30), MofNCompleteColumn(), notes_column)
    left = standing.seconds_left()
    notes = [
        "" if left is None else f"{clock(left)} left",
        f"last {standing.response} {standing.last}",
        f"{standing.unmeasurable} unmeasurable" if standing.unmeasurable else "",
        f"{standing.diverged} diverged" if standing.diverged else "",
        f"{standing.failed} failed" if standing.failed else "",
        standing.stopped,
    ]
    bar.add_task("   ".join(note for note in notes if note), total=standing.total, completed=standing.done)
    return bar


def _line(run: RunProgress) -> Text:
    loss = "" if math.isnan(run.loss) else f"   loss {run.loss:.4f}"
    return Text(f"  {run.title}   step {run.step}/{run.steps}{loss}", overflow="ellipsis", no_wrap=True)
