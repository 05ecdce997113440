"""Commands on a study: plan it, run it, report it, look at it, carry it elsewhere."""

from typing import Annotated

import typer
from rich.console import Console

from ablate.commands.console import refuse_overwriting
from ablate.commands.options import (
    DEFAULT_STORE,
    BundleOutput,
    ExcludedRuns,
    ExclusionReasons,
    ExecutorKind,
    Host,
    HTMLOutput,
    IncludedRuns,
    JSONOutput,
    MergedPlaces,
    MergedStudy,
    Overrides,
    PicturedRuns,
    PilotTable,
    Place,
    SimulatedEffects,
    StandardDeviation,
    StoreFolder,
    StudyFile,
    TargetStore,
    UntilDecided,
    WithCheckpoints,
    Workers,
)


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


def check(file: StudyFile, overrides: Overrides = []) -> None:  # noqa: B006  # as above
    """Check a study file, list its cells and estimate the time of its runs here. Trains and creates nothing."""
    from ablate.commands import check as command

    command.check(file, overrides, Console())


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


def report(file: StudyFile, overrides: Overrides = [], store: StoreFolder = DEFAULT_STORE) -> None:  # noqa: B006  # as above
    """Write the report of all runs so far."""
    from ablate.commands import report as command

    command.report(file, overrides, store, Console())


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


def merge(places: MergedPlaces, into: TargetStore = DEFAULT_STORE, study: MergedStudy = None) -> None:
    """Add the runs of the same study from other stores and bundles to a store.

    A run that is in several of them is added once: the first one. The plans must be equal. Then `ablate run` trains
    the missing runs. Exit code 2: a plan differs, or a store or bundle is damaged; nothing is written then.
    """
    from ablate.commands import merge as command

    command.merge(places, into, study, Console())
