"""The `ablate` command: options, help texts and exit codes. Each command is a function in commands/."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from ablate.commands.console import exit_code_of, refuse_overwriting, show_old_names
from ablate.commands.old_options import CommandsWithOldOptions
from ablate.commands.options import (
    DEFAULT_STORE,
    Binarize,
    BundleOutput,
    ExcludedRuns,
    ExclusionReasons,
    ExecutorKind,
    ForecastArray,
    HistoryArray,
    Host,
    HTMLOutput,
    IncludedRuns,
    JSONOutput,
    KerasModel,
    MergedPlaces,
    MergedStudy,
    Overrides,
    PicturedRuns,
    PilotTable,
    Place,
    Prediction,
    RunOrCheckpoint,
    SimulatedEffects,
    StandardDeviation,
    StoreFolder,
    StudyFile,
    TargetArray,
    TargetStore,
    TorchModel,
    TorchWeights,
    UntilDecided,
    VideoOutput,
    WithCheckpoints,
    Workers,
)
from ablate.core.errors import SpecError
from ablate.storage.paths import Store

app = typer.Typer(
    cls=CommandsWithOldOptions,
    help="Find the causes of ghosts in ConvLSTM forecasts by designed ablation studies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Commands for data that is not part of the package.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.command()
def run(
    *,
    file: StudyFile,
    overrides: Overrides = [],  # noqa: B006  # typer reads the default and never changes it
    store: StoreFolder = DEFAULT_STORE,
    workers: Workers = None,
    executor: Place = ExecutorKind.local,
    until_decided: UntilDecided = False,
    exclude: ExcludedRuns = [],  # noqa: B006  # as above
    include: IncludedRuns = [],  # noqa: B006  # as above
    because: ExclusionReasons = [],  # noqa: B006  # as above
) -> None:
    """Run a study, or continue one that was interrupted, and write its report.

    An excluded run is neither trained nor analyzed. The report lists every exclusion with its reason.

    Exit code 0: every run has a result, or the study is decided. 1: some runs failed or are unfinished. 2: the study
    file has an error. 130: stopped by Ctrl-C.
    """
    from ablate.commands import run as command
    from ablate.commands.exclusions import ExclusionOptions

    execution = command.Execution(executor.value, workers, until_decided)
    exclusions = ExclusionOptions(exclude, include, because)
    raise typer.Exit(command.run(file, overrides, store, execution, Console(), exclusions))


@app.command()
def check(file: StudyFile, overrides: Overrides = []) -> None:  # noqa: B006  # as above
    """Check a study file, list its cells and estimate the time of its runs here. Trains and creates nothing."""
    from ablate.commands import check as command

    command.check(file, overrides, Console())


@app.command()
def plan(
    *,
    file: StudyFile,
    overrides: Overrides = [],  # noqa: B006  # as above
    sd: StandardDeviation = None,
    pilot: PilotTable = None,
    effect: SimulatedEffects = [],  # noqa: B006  # as above
    store: StoreFolder = DEFAULT_STORE,
    json: JSONOutput = None,
    html: HTMLOutput = None,
) -> None:
    """Show what a study can find before it trains: its tests, their power, and the aliased effects of its design.

    The standard deviation of a run comes from --sd, --pilot, the study's analysis.sd, or its runs so far. Exit code 2:
    the study cannot reject any hypothesis, so `ablate run` refuses it. Of a sequential study, expected runs and the
    chance of stopping at each look are simulated for each --effect.
    """
    from ablate.commands import plan as command

    refuse_overwriting({"--json": json, "--html": html}, file, pilot)
    files = command.PlanFiles(json, html)
    command.plan(file, overrides, command.Planning(sd, pilot, store, effect), files, Console())


@app.command()
def report(file: StudyFile, overrides: Overrides = [], store: StoreFolder = DEFAULT_STORE) -> None:  # noqa: B006  # as above
    """Write the report of all runs so far."""
    from ablate.commands import report as command

    command.report(file, overrides, store, Console())


@app.command()
def ui(
    file: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    mlflow_port: Annotated[int, typer.Option(help="First port to try for the MLflow UI.")] = 5000,
    optuna_port: Annotated[int, typer.Option(help="First port to try for the Optuna dashboard.")] = 8080,
    host: Host = "127.0.0.1",
) -> None:
    """Show a study in the MLflow UI and the Optuna dashboard until Ctrl-C, by default on this machine only."""
    from ablate.commands import ui as command

    addresses = command.ServerAddresses(host, mlflow_port, optuna_port)
    command.show(file, store, addresses, Console())


@app.command()
def bundle(
    *,
    file: StudyFile,
    store: StoreFolder = DEFAULT_STORE,
    checkpoints: WithCheckpoints = False,
    frames: PicturedRuns = 4,
    output: BundleOutput = None,
) -> None:
    """Write one file with the records, plan, tables and pages of a study, to merge elsewhere or to read.

    It is a zip file. Of each run it holds the scores of the response's metrics, and frames of a few runs.
    """
    from ablate.commands import bundle as command

    refuse_overwriting({"--output": output}, file)
    command.bundle(file, store, command.BundleOptions(checkpoints, frames, output), Console())


@app.command()
def merge(places: MergedPlaces, into: TargetStore = DEFAULT_STORE, study: MergedStudy = None) -> None:
    """Add the runs of the same study from other stores and bundles to a store.

    A run that is in several of them is added once: the first one. The plans must be equal. Then `ablate run` trains
    the missing runs. Exit code 2: a plan differs, or a store or bundle is damaged; nothing is written then.
    """
    from ablate.commands import merge as command

    command.merge(places, into, study, Console())


@app.command()
def score(
    *,
    forecast: ForecastArray,
    target: TargetArray,
    history: HistoryArray = None,
    step_first: Annotated[bool, typer.Option("--step-first", help="The arrays have shape (step, clip, H, W).")] = False,
    json: JSONOutput = None,
    html: HTMLOutput = None,
    video: VideoOutput = None,
) -> None:
    """Score any forecasts: ghost ratio and trail, quality metrics, and temporal alignment with the target.

    The arrays are .npy files of shape (clip, step, H, W), with or without an axis of one channel, either uint8 or
    floats in [0, 1]. Without a history the first step has no past, so its ghost ratio is undefined.
    """
    from ablate.commands import score as command

    refuse_overwriting({"--json": json, "--html": html, "--video": video}, forecast, target, history)
    files = command.ForecastFiles(forecast, target, history, step_first)
    command.score(files, command.ScoreFiles(json, html, video), Console())


@app.command()
def probe(
    target: RunOrCheckpoint,
    store: StoreFolder = DEFAULT_STORE,
    clips: Annotated[int, typer.Option(min=2, max=1000, help="Number of held-out clips.")] = 24,
) -> None:
    """Probe a trained network by interventions: memory, look-ahead leakage, receptive field.

    The run is given by its id in MLflow, its id in the report, or its checkpoint. The findings are logged to the run
    in MLflow, written into the folder of its checkpoint, and shown by the next `ablate report`.
    """
    from ablate.commands import probe as command

    command.probe(target, Store.here(store), clips, Console())


@app.command()
def diagnose(
    *,
    target: TorchModel = None,
    checkpoint: TorchWeights = None,
    keras: KerasModel = None,
    frame_size: Annotated[int, typer.Option(min=16, max=128, help="Height and width of the frames in pixels.")] = 64,
    digits: Annotated[int, typer.Option(min=1, max=4, help="Number of digits in a clip.")] = 2,
    binarize: Binarize = None,
    context: Annotated[int, typer.Option(min=1, help="Number of true frames before the forecast.")] = 10,
    horizon: Annotated[int, typer.Option(min=1, help="Number of forecast steps.")] = 10,
    clips: Annotated[int, typer.Option(min=2, max=1000, help="Number of generated clips.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated clips.")] = 0,
    predicts: Prediction = None,
    logits: Annotated[bool, typer.Option("--logits", help="The model returns logits, not brightness.")] = False,
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Write the diagnosis as a web page.")] = Path(
        "diagnosis.html"
    ),
    json: JSONOutput = None,
) -> None:
    """Diagnose your own model on generated clips: scores, look-ahead leakage, alignment, receptive field, advice.

    All code in FILE.py runs, so name only files that you trust. The model takes frames of shape (batch, time, 1, H, W)
    in [0, 1]. A .keras file is read in safe mode, which runs no code from the file.
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
    response: Annotated[
        str,
        typer.Option(
            metavar="COLUMN,...",
            help="Column of the response: the number to explain. Further columns are described, not judged.",
        ),
    ],
    factors: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Columns of the factors: the possible causes. Quote a name with a comma: A,'\"b,c\"'.",
        ),
    ],
    block: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|none",
            help="Column of the block, usually the seed: runs are compared within it. none: no two runs share a seed.",
            show_default=False,
        ),
    ] = None,
    numeric: Annotated[
        str,
        typer.Option(
            metavar="A,B=log,...",
            help="Factors that are numbers: their trend is tested, on a log scale where they span a decade.",
        ),
    ] = "",
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
    outcome: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|none",
            help="Column of states: a run that failed or was pruned is no result. Default: state, status or outcome.",
            show_default=False,
        ),
    ] = None,
    judge_all: Annotated[
        bool,
        typer.Option("--judge-all", help="Judge all responses as one family, instead of describing the further ones."),
    ] = False,
    average: Annotated[
        bool, typer.Option("--average", help="Average rows with equal levels in one block, instead of refusing them.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the drawn flips and permutations.")] = 0,
    json: JSONOutput = None,
    html: HTMLOutput = None,
) -> None:
    """Find out which factors of any table of runs are causes, which are not, and which act only with others.

    Columns from MLflow, W&B and Optuna are found without their prefix (params., metrics., config., params_), and in
    W&B's dictionaries. A run whose response is blank, NaN or infinite counts as failed, and so does one whose state
    says so. Exit code 0: the analysis finished, even if every verdict is "undecided". 2: the table or an option is
    wrong, or nothing in the table can be tested.
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
        numeric=numeric,
    )
    refuse_overwriting({"--json": json, "--html": html}, file)
    settings = command.parse_settings(
        columns.factors,
        alpha=alpha,
        margin=margin,
        interactions=interactions,
        higher_is_better=higher_is_better,
        bounds=bounds,
        seed=seed,
    )
    command.analyze(file, columns, settings, command.Outputs(json, html), Console(), judge_all=judge_all)


@app.command()
def calibrate(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY.yaml", help="Study whose design is simulated.", show_default=False),
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(metavar="AxBxC", help="Without a study: numbers of levels to cross; 3x2x2x2 by default."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Number of seeds; by default those of the study, or 8.")
    ] = None,
    studies: Annotated[
        int | None,
        typer.Option(min=1, help="Number of studies for each scenario; 1000, or the published number, by default."),
    ] = None,
    scenario: Annotated[
        list[str],
        typer.Option(
            "--scenario",
            metavar="NAME",
            help="Simulate only this scenario. Repeatable. With --published, NAME* takes all that start with NAME.",
        ),
    ] = [],  # noqa: B006  # as above
    published: Annotated[
        bool, typer.Option("--published", help="Simulate the tables of docs/calibration.md, each with its limits.")
    ] = False,
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --published: file of judged tables; continue what it holds."),
    ] = None,
    repeat: Annotated[
        bool, typer.Option(help="With --published: simulate a scenario again that violates a limit, with new draws.")
    ] = True,
    effect: Annotated[float, typer.Option(min=0, help="Effect of a cause, in standard deviations of a run.")] = 1.0,
    interaction: Annotated[
        float, typer.Option(min=0, help="Size of a pure interaction, up or down, in standard deviations of a run.")
    ] = 2.0,
    margin: Annotated[float, typer.Option(min=0.01, help="Equivalence margin, in standard deviations of a run.")] = 0.5,
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

    refuse_overwriting({"--json": json, "--svg": svg, "--judged": judged}, file)
    if published:
        from ablate.commands import calibrate_published as published_command

        designs = {"STUDY.yaml": file, "--levels": levels, "--seeds": seeds, "--svg": svg}
        published_command.refuse_designs(designs)
        options = published_command.PublishedOptions(scenario, studies, seed, workers, judged, repeat)
        raise typer.Exit(published_command.calibrate_published(options, json, Console()))
    if judged is not None:
        raise SpecError("--judged: works only with --published; use --json for the rates of this design")
    simulation = command.Simulation(
        levels=levels,
        seeds=seeds,
        studies=studies or command.DEFAULT_STUDIES,
        scenarios=scenario,
        sizes=Sizes(effect, interaction, margin),
        seed=seed,
        workers=workers,
    )
    raise typer.Exit(command.calibrate(file, simulation, json, svg, Console()))


@app.command()
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
    url: Annotated[str | None, typer.Option(help="Address of the file. Default: the address of its authors.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder for the file. Default: the cache of the user.")] = None,
) -> None:
    """Download the test file of Moving MNIST (mnist_test_seq.npy, 819 MB), or continue the download."""
    from ablate.commands import fetch as command

    command.fetch(url, folder, Console())


def main() -> NoReturn:
    """Run the command; every error becomes one message and an exit code."""
    show_old_names(Console(stderr=True))
    sys.exit(exit_code_of(app))
