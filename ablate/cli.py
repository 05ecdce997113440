"""The `ablate` command: arguments in, exit codes out. What they do is in commands/."""

import errno
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from ablate.commands.console import refuse_overwriting, show_old_names
from ablate.commands.old_options import CommandsWithOldOptions
from ablate.core.control_characters import visible
from ablate.core.errors import AblateError
from ablate.inference.settings import Interval
from ablate.storage.paths import Store

INTERNAL_ERROR = 1
CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class ExecutorKind(StrEnum):
    """Where runs are carried out."""

    local = "local"
    ray = "ray"


class Predicts(StrEnum):
    """What a model's frames are, where it returns as many as it is given."""

    next = "next"
    future = "future"


app = typer.Typer(
    cls=CommandsWithOldOptions,
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
JSONOutput = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")]


@app.command()
def run(
    file: StudyFile,
    overrides: Overrides = [],  # noqa: B006  # typer reads the default and never changes it
    store: StoreFolder = DEFAULT_STORE,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; one a core or GPU by default.")] = None,
    executor: Annotated[
        ExecutorKind, typer.Option(help="This machine, or the Ray cluster at RAY_ADDRESS (a local one without it).")
    ] = ExecutorKind.local,
) -> None:
    """Run a study, or go on where it stopped, and write its report.

    Exit code 0: every run has a result. 1: some failed or are still open. 2: the study file is wrong.
    130: stopped by Ctrl-C.
    """
    from ablate.commands import run as command

    raise typer.Exit(command.run(file, overrides, store, command.Where(executor.value, workers), Console()))


@app.command()
def check(file: StudyFile, overrides: Overrides = []) -> None:  # noqa: B006  # as above
    """Read a study and list its cells, runs and about how long they take here. Trains nothing, creates nothing."""
    from ablate.commands import check as command

    command.check(file, overrides, Console())


@app.command()
def plan(
    *,
    file: StudyFile,
    overrides: Overrides = [],  # noqa: B006  # as above
    sd: Annotated[
        float | None, typer.Option(help="Standard deviation of a run about its cell and seed, as expected.")
    ] = None,
    pilot: Annotated[
        Path | None, typer.Option("--pilot", metavar="RUNS.csv", help="Runs to take that deviation from.")
    ] = None,
    store: StoreFolder = DEFAULT_STORE,
    json: JSONOutput = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page.")] = None,
) -> None:
    """Show what a study can find before it trains: its tests, their power, and what its design mixes up.

    How much a run varies is taken from --sd, --pilot, the study's analysis.sd, or what it has run so far. Exit code
    2: the study could not reject anything, and `ablate run` refuses it.
    """
    from ablate.commands import plan as command

    refuse_overwriting({"--json": json, "--html": html}, file, pilot)
    files = command.PlanFiles(json, html)
    command.plan(file, overrides, command.Planning(sd, pilot, store), files, Console())


@app.command()
def report(file: StudyFile, overrides: Overrides = [], store: StoreFolder = DEFAULT_STORE) -> None:  # noqa: B006  # as above
    """Write the report of what has run so far."""
    from ablate.commands import report as command

    command.report(file, overrides, store, Console())


@app.command()
def ui(
    file: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    mlflow_port: Annotated[int, typer.Option(help="First port to try for MLflow.")] = 5000,
    optuna_port: Annotated[int, typer.Option(help="First port to try for the Optuna dashboard.")] = 8080,
    host: Annotated[
        str,
        typer.Option(help="Address to listen at. Other machines reach any but this one; nobody is asked who they are."),
    ] = "127.0.0.1",
) -> None:
    """Show a study in the MLflow UI and the Optuna dashboard, on this machine only, until Ctrl-C."""
    from ablate.commands import ui as command
    from ablate.commands.servers import Doors

    command.show(file, store, Doors(host, mlflow_port, optuna_port), Console())


@app.command()
def score(
    *,
    forecast: Annotated[Path, typer.Option("--forecast", metavar="P.npy", help="Forecast frames.", show_default=False)],
    target: Annotated[
        Path, typer.Option("--target", metavar="Y.npy", help="True frames of the same steps.", show_default=False)
    ],
    history: Annotated[
        Path | None, typer.Option("--history", metavar="H.npy", help="The true frames before the forecast.")
    ] = None,
    step_first: Annotated[bool, typer.Option("--step-first", help="Arrays are (step, clip, H, W).")] = False,
    json: JSONOutput = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page.")] = None,
    video: Annotated[
        Path | None, typer.Option("--video", metavar="FILE", help="Animate the strongest ghost, as .gif or .mp4.")
    ] = None,
) -> None:
    """Score anybody's forecasts: the ghost and its trail, the quality, and whether they are shown at the right time.

    Arrays are .npy files of shape (clip, step, H, W), with or without an axis of one channel; uint8, or floats in
    [0, 1]. Without a history the first step has no past, and so no ghost ratio.
    """
    from ablate.commands import score as command

    refuse_overwriting({"--json": json, "--html": html, "--video": video}, forecast, target, history)
    files = command.ForecastFiles(forecast, target, history, step_first)
    command.score(files, command.ScoreFiles(json, html, video), Console())


@app.command()
def probe(
    target: Annotated[
        str,
        typer.Argument(metavar="RUN_ID|CHECKPOINT", help="A run of a study, or its checkpoint.pt.", show_default=False),
    ],
    store: StoreFolder = DEFAULT_STORE,
    clips: Annotated[int, typer.Option(min=2, max=1000, help="Held-out clips to question it on.")] = 24,
) -> None:
    """Question a trained net by intervention: what it remembers, whether it looks ahead, how far it sees.

    A run is named by its id in MLflow, by the id that the report gives, or by its checkpoint. The answers are
    logged to the run, written beside its checkpoint, and shown by the next `ablate report`.
    """
    from ablate.commands import probe as command

    command.probe(target, Store.here(store), clips, Console())


@app.command()
def diagnose(
    *,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[FILE.py:NAME]", help="A torch module, or what builds one.", show_default=False),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="W.pt", help="Its weights: a state_dict.")
    ] = None,
    keras: Annotated[
        Path | None, typer.Option("--keras", metavar="MODEL.keras", help="A Keras 3 model instead.")
    ] = None,
    frame_size: Annotated[int, typer.Option(min=16, max=128, help="Height and width of the frames.")] = 64,
    digits: Annotated[int, typer.Option(min=1, max=4, help="Digits in a clip.")] = 2,
    binarize: Annotated[
        int | None, typer.Option(min=1, max=255, help="Least ink that becomes white, all else black.")
    ] = None,
    context: Annotated[int, typer.Option(min=1, help="True frames before the forecast.")] = 10,
    horizon: Annotated[int, typer.Option(min=1, help="Forecast steps.")] = 10,
    clips: Annotated[int, typer.Option(min=2, max=1000, help="Generated clips to look at.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Which clips.")] = 0,
    predicts: Annotated[
        Predicts | None,
        typer.Option(help="next: the next frame at every position; future: the frames after the input."),
    ] = None,
    logits: Annotated[bool, typer.Option("--logits", help="It gives logits, not brightness.")] = False,
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where the page goes.")] = Path("diagnosis.html"),
    json: JSONOutput = None,
) -> None:
    """Diagnose your own model on generated clips: score, leak, alignment, receptive field, and what to do.

    FILE.py is run, with everything in it: name only files that you trust. The model takes (batch, time, 1, H, W)
    in [0, 1]. A .keras file is read in safe mode, and runs no code of its own.
    """
    from ablate.commands import diagnose as command
    from ablate.diagnosis.diagnose import DiagnosisSettings

    settings = DiagnosisSettings(
        frame_size=frame_size,
        digits=digits,
        binarize=binarize,
        context=context,
        horizon=horizon,
        clips=clips,
        seed=seed,
        predicts=predicts.value if predicts else None,
        logits=logits,
    )
    source = command.ModelSource(target, checkpoint, keras)
    refuse_overwriting({"--json": json, "--html": html}, *source.files)
    command.diagnose(source, settings, command.DiagnosisFiles(json, html), Console())


@app.command()
def analyze(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS.csv", help="Table with one row per run: .csv, .tsv or .parquet.", show_default=False
        ),
    ],
    response: Annotated[str, typer.Option(metavar="COLUMN", help="Column of the response: the number to explain.")],
    factors: Annotated[str, typer.Option(metavar="A,B,...", help="Columns of the factors: the possible causes.")],
    block: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column of the block, usually the seed: runs are compared within it.")
    ],
    order: Annotated[
        str,
        typer.Option(
            metavar="A,B=s<m<l", help="Factors with ordered levels: sorted by value, or in the order given here."
        ),
    ] = "",
    baseline: Annotated[
        str, typer.Option(metavar="A=1,B=none", help="Baseline levels of factors; the first level by default.")
    ] = "",
    interactions: Annotated[
        str, typer.Option(metavar="all|none|A:B,...", help="Pairs of factors whose interaction is tested.")
    ] = "all",
    margin: Annotated[
        float | None,
        typer.Option(help="Equivalence margin: smaller effects do not matter. Same unit as the response."),
    ] = None,
    alpha: Annotated[
        float, typer.Option(help="Family-wise error rate: largest chance to call anything a cause where nothing is.")
    ] = 0.05,
    interval: Annotated[Interval, typer.Option(help="Kind of confidence interval of the effects.")] = "student",
    higher_is_better: Annotated[
        bool, typer.Option("--higher-is-better", help="A higher response is better; by default a lower one is.")
    ] = False,
    bounds: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Smallest and largest value that the response can have.")
    ] = None,
    mediator: Annotated[
        str,
        typer.Option(metavar="COLUMN,...", help="Columns of mediators, such as mse: also estimate direct effects."),
    ] = "",
    outcome: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column that says how each run ended.")] = None,
    average: Annotated[
        bool, typer.Option("--average", help="Average rows with equal levels in one block, instead of refusing them.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the permutations and the bootstrap.")] = 0,
    json: JSONOutput = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page.")] = None,
) -> None:
    """Find out which factors of any table of runs are causes, which are not, and which act only with others.

    Columns from MLflow and W&B are found without their prefix (params., metrics., config.). A run whose response is
    blank, NaN or infinite counts as failed. Exit code 0: the analysis finished, even if every verdict is "undecided".
    2: the table or an option is wrong.
    """
    from ablate.commands import analyze as command
    from ablate.inference.tables import Columns

    columns = Columns.written(
        response=response,
        factors=factors,
        block=block,
        order=order,
        baseline=baseline,
        mediators=mediator,
        outcome=outcome,
        average=average,
    )
    refuse_overwriting({"--json": json, "--html": html}, file)
    settings = command.parse_settings(
        columns.factors,
        alpha=alpha,
        margin=margin,
        interactions=interactions,
        interval=interval,
        higher_is_better=higher_is_better,
        bounds=bounds,
        seed=seed,
    )
    command.analyze(file, columns, settings, command.Outputs(json, html), Console())


@app.command()
def calibrate(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY.yaml", help="Study whose design is simulated.", show_default=False),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="AxBxC", help="Without a study: numbers of levels to cross; 3x3x2x2x2 by default."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Number of seeds; by default those of the study, or 2.")
    ] = None,
    studies: Annotated[int, typer.Option(min=1, help="Number of studies to simulate for each scenario.")] = 1000,
    scenario: Annotated[
        list[str], typer.Option("--scenario", metavar="NAME", help="Simulate only this scenario. Repeatable.")
    ] = [],  # noqa: B006  # as above
    effect: Annotated[float, typer.Option(min=0, help="Effect of a cause, in standard deviations of a run.")] = 1.0,
    interaction: Annotated[
        float, typer.Option(min=0, help="Size of a pure interaction, up or down, in standard deviations of a run.")
    ] = 2.0,
    margin: Annotated[float, typer.Option(min=0.01, help="Equivalence margin, in standard deviations of a run.")] = 0.5,
    interval: Annotated[
        Interval | None, typer.Option(help="Kind of confidence interval; by default that of the study, or student.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated studies.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of processes; one per core by default.")] = None,
    json: JSONOutput = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw the rates.")] = None,
) -> None:
    """Simulate studies whose truth is known, and count how often the verdicts and intervals are right.

    Exit code 0: every criterion holds. 1: a criterion is violated. 2: the design or a scenario does not exist.
    130: stopped by Ctrl-C; the finished studies are shown.
    """
    from ablate.commands import calibrate as command
    from ablate.inference.calibration.scenarios import Sizes

    refuse_overwriting({"--json": json, "--svg": svg}, file)
    simulation = command.Simulation(
        levels=levels,
        seeds=seeds,
        studies=studies,
        scenarios=scenario,
        sizes=Sizes(effect, interaction, margin),
        interval=interval,
        seed=seed,
        workers=workers,
    )
    raise typer.Exit(command.calibrate(file, simulation, json, svg, Console()))


@app.command()
def doctor(
    store: Annotated[
        Path | None, typer.Option("--store", metavar="FOLDER", help="Keep the study here; else it is thrown away.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at a time; one a core or GPU by default.")] = None,
    json: JSONOutput = None,
) -> None:
    """Test this installation: run a study whose causes are known, and see that exactly these are found.

    Takes about a minute and a half on two cores. Exit code 0: exactly the planted causes were found. 1: not so.
    130: stopped by Ctrl-C.
    """
    from ablate.commands.doctor import examine

    refuse_overwriting({"--json": json})
    raise typer.Exit(examine(store, workers, json, Console()))


@app.command()
def upgrade(file: StudyFile) -> None:
    """Rewrite a study file in the names and defaults of this version. Comments and layout stay.

    Exit code 2: the file is no study file, or it uses a field that this version no longer has.
    """
    from ablate.commands import upgrade as command

    command.upgrade(file, Console())


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    from ablate.study.study_file import schema_text

    print(schema_text(), end="")  # noqa: T201  # the command's output


@data_app.command()
def fetch(
    url: Annotated[str | None, typer.Option(help="Where to get it; the authors' address by default.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where to put it; the user's cache by default.")] = None,
) -> None:
    """Download Moving MNIST's test file (mnist_test_seq.npy, 819 MB), or go on where it stopped."""
    from ablate.commands import fetch as command

    command.fetch(url, folder, Console())


def main() -> NoReturn:
    """Run the command; every error ends as one message and an exit code."""
    show_old_names(Console(stderr=True))
    try:
        app()
    except AblateError as error:
        sys.exit(_complain(str(error), error.exit_code))
    except Exception as error:
        if os.environ.get("ABLATE_DEBUG"):
            raise
        sys.exit(_complain(_unexpected(error), INTERNAL_ERROR))
    sys.exit(0)


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
        return f"{error.filename or 'a file'} cannot be written: {error.strerror}; what was finished before is kept"
    return f"unexpected {type(error).__name__}: {error} (set ABLATE_DEBUG=1 to see where)"


def _complain(message: str, exit_code: int) -> int:
    Console(stderr=True).print(f"error: {visible(message)}", style="red", highlight=False, markup=False, soft_wrap=True)
    return exit_code
