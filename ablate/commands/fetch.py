"""`ablate data fetch`: download the original Moving MNIST file."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from ablate.commands.console import say
from ablate.components.data import download


def fetch(url: str | None, folder: Path | None, console: Console) -> None:
    """Download the original Moving MNIST file with a progress bar. Raises DownloadError."""
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=None)
        path = download.fetch(
            url or download.URL, folder, report=lambda done, total: progress.update(task, completed=done, total=total)
        )
    say(str(path), console)
