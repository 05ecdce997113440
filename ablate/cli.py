"""The `ablate` command: arguments in, exit codes out. What it does is in pipeline.py."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from ablate.errors import AblateError

INTERNAL_ERROR = 1

app = typer.Typer(
    help="Find out, with evidence, what makes a ConvLSTM forecast keep ghosts of the past.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Data that is not shipped with the package.", no_args_is_help=True)
app.add_typer(data_app, name="data")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study file.", show_default=False)]
Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Override a value, as in --set model.filters=8. Repeatable."),
]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder of databases, artifacts and reports.")]
DEFAULT_STORE = Path("mlruns")


@app.command()
def run(
    file: StudyFile,
    overrides: Overrides = [],  # noqa: B006  # typer reads the default and never changes it
    store: StoreFolder = DEFAULT_STORE,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; one a core or GPU by default.")] = None,
) -> None:
    """Run a study, or go on where it stopped, and write its report.

    Exit code 0: every run has a result. 1: some failed or are still open. 2: the study file is wrong.
    130: stopped by Ctrl-C.
    """
    from ablate import pipeline

    raise typer.Exit(pipeline.run(file, overrides, store, workers, Console()))


@app.command()
def check(file: StudyFile, overrides: Overrides = []) -> None:  # noqa: B006  # as above
    """Read a study and list its cells, runs and about how long they take here. Trains nothing, creates nothing."""
    from ablate import pipeline

    pipeline.check(file, overrides, Console())


@app.command()
def report(file: StudyFile, overrides: Overrides = [], store: StoreFolder = DEFAULT_STORE) -> None:  # noqa: B006  # as above
    """Write the report of what has run so far."""
    from ablate import pipeline

    pipeline.report(file, overrides, store, Console())


@app.command()
def ui(
    file: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    mlflow_port: Annotated[int, typer.Option(help="First port to try for MLflow.")] = 5000,
    optuna_port: Annotated[int, typer.Option(help="First port to try for the Optuna dashboard.")] = 8080,
) -> None:
    """Show a study in the MLflow UI and the Optuna dashboard, on this machine only, until Ctrl-C."""
    from ablate import pipeline

    pipeline.show(file, store, (mlflow_port, optuna_port), Console())


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from ablate.study_file import schema_text

    print(schema_text(), end="")  # noqa: T201  # the command's output


@data_app.command()
def fetch(
    url: Annotated[str | None, typer.Option(help="Where to get it; the authors' address by default.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to put it; the user's cache by default.")] = None,
) -> None:
    """Download Moving MNIST's test file (mnist_test_seq.npy, 819 MB), or go on where it stopped."""
    from ablate import pipeline

    pipeline.fetch(url, folder, Console())


def main() -> NoReturn:
    """Run the command; every error ends as one message and an exit code."""
    try:
        app()
    except AblateError as error:
        sys.exit(_complain(str(error), error.exit_code))
    except Exception as error:
        if os.environ.get("ABLATE_DEBUG"):
            raise
        problem = f"unexpected {type(error).__name__}: {error} (set ABLATE_DEBUG=1 to see where)"
        sys.exit(_complain(problem, INTERNAL_ERROR))
    sys.exit(0)


def _complain(message: str, exit_code: int) -> int:
    Console(stderr=True).print(f"error: {message}", style="red", highlight=False, markup=False, soft_wrap=True)
    return exit_code
