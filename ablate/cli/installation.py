"""Commands on this installation: its test, study files of older versions, and data."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ablate.commands.console import refuse_overwriting
from ablate.commands.options import JSONOutput, StudyFile, Workers


def doctor(
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FOLDER", help="Folder that keeps the study. Default: a temporary folder."),
    ] = None,
    workers: Workers = None,
    json: JSONOutput = None,
) -> None:
    """Test this installation: run a study with planted causes, and check that exactly these causes are found.

    It takes about 90 seconds on two cores. Exit code 0: exactly the planted causes were found. 1: other causes were
    found. 130: stopped by Ctrl-C.
    """
    from ablate.commands.doctor import examine

    refuse_overwriting({"--json": json})
    raise typer.Exit(examine(store, workers, json, Console()))


def upgrade(file: StudyFile) -> None:
    """Rewrite a study file in the names and defaults of this version. Comments and layout stay.

    Exit code 2: the file is no study file, or it uses a field that this version no longer has.
    """
    from ablate.commands import upgrade as command

    command.upgrade(file, Console())


def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from ablate.study.study_file import schema_text

    print(schema_text(), end="")  # noqa: T201  # the command's output


def fetch(
    url: Annotated[str | None, typer.Option(help="Address of the file. Default: the address of its authors.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder for the file. Default: the cache of the user.")] = None,
) -> None:
    """Download the test file of Moving MNIST (mnist_test_seq.npy, 819 MB), or continue the download."""
    from ablate.commands import fetch as command

    command.fetch(url, folder, Console())
