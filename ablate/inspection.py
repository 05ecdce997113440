"""Questions to what already exists: anybody's forecasts, a trained run of a study, somebody's own model."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from ablate.databases import refuse_unusable
from ablate.diagnosis.diagnose import Settings
from ablate.diagnosis.diagnose import diagnose as diagnose_model
from ablate.diagnosis.foreign_keras import load_keras
from ablate.diagnosis.foreign_torch import ForeignModel, load_torch
from ablate.errors import DataError
from ablate.findings import Finding
from ablate.paths import RunPaths, Store
from ablate.plain_json import plain
from ablate.probing import probe_run
from ablate.records import Example
from ablate.report.animation import check_animation, write_animation
from ablate.report.forecast_page import forecast_page
from ablate.scoring.brightness import as_brightness, as_ink
from ablate.scoring.document import document
from ablate.scoring.forecast_files import ForecastArrays, read_forecasts
from ablate.scoring.forecast_scores import ForecastSummary
from ablate.scoring.scores import score_forecast
from ablate.scoring.summary import summarise
from ablate.telling import say, say_written, write
from ablate.tracking.mlflow import log_findings, study_and_point

MLFLOW_ID, POINT_ID = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Outputs:
    """Where to write what was found; None writes nothing of the kind."""

    json: Path | None = None
    html: Path | None = None
    video: Path | None = None


@dataclass(frozen=True)
class ForecastFiles:
    """Where the arrays lie, and whether their steps come before their clips."""

    forecast: Path
    truth: Path
    history: Path | None
    step_first: bool

    @property
    def command(self) -> str:
        """What scores them again."""
        history = ["--history", str(self.history)] if self.history else []
        order = ["--step-first"] if self.step_first else []
        return shlex.join(
            ["ablate", "score", "--pred", str(self.forecast), "--truth", str(self.truth), *history, *order]
        )


@dataclass(frozen=True)
class ModelSource:
    """Where somebody's own model comes from: FILE.py:NAME with or without weights, or a .keras file."""

    target: str | None
    checkpoint: Path | None
    keras: Path | None

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.keras or self.target)

    @property
    def words(self) -> list[str]:
        """What names it on the command line."""
        weights = ["--checkpoint", str(self.checkpoint)] if self.checkpoint else []
        return [*(["--keras", self.name] if self.keras else [self.name]), *weights]

    def load(self) -> ForeignModel:
        """Return the model. Raises DataError unless exactly one source is given, and whatever its loading raises."""
        if (self.target is None) == (self.keras is None):
            raise DataError("give one model: FILE.py:NAME, as in my_model.py:build, or --keras MODEL.keras")
        if self.keras is not None:
            if self.checkpoint is not None:
                raise DataError("--checkpoint: a .keras file holds its own weights; leave the option out")
            return load_keras(self.keras)
        return load_torch(str(self.target), self.checkpoint)


def score(files: ForecastFiles, outputs: Outputs, console: Console) -> None:
    """Score forecasts from files, say what the numbers say, and write what was asked for. Raises DataError."""
    if outputs.video:
        check_animation(outputs.video)  # before the long part, not after it
    arrays = read_forecasts(files.forecast, files.truth, files.history, step_first=files.step_first)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("scoring", total=len(arrays.truth))
        scores = score_forecast(
            arrays.forecast, arrays.truth, arrays.history, lambda done, _: progress.update(task, completed=done)
        )
    summary = summarise(scores)
    for sentence in summary.sentences:
        say(sentence, console)
    example = _example(arrays, summary)
    if outputs.json:
        write(outputs.json, _json(document(summary)), console)
    if outputs.html:
        write(outputs.html, forecast_page(files.forecast.name, summary, example, command=files.command), console)
    if outputs.video:
        write_animation(outputs.video, example)
        say_written(outputs.video, console)


def probe(target: str, store: Store, clips: int, console: Console) -> None:
    """Question a trained run, say what came of it, and log it to its run in MLflow where there is one.

    Raises DataError where there is no such run, or it holds no trained model.
    """
    refuse_unusable(store)
    paths = _run(target, store)
    command = shlex.join(["ablate", "probe", target, "--store", str(store.root), "--clips", str(clips)])
    with console.status("reading the checkpoint") as status:
        findings = probe_run(paths, f"Run {paths.folder.name}", command, clips, status.update)
    for finding in findings:
        console.print(f"\n{finding.title}", style="bold", highlight=False, markup=False)
        for sentence in finding.sentences:
            say(sentence, console)
    say_written(paths.findings_page, console)
    run_id = _logged(store, paths, findings)
    where = (
        f"logged to run {run_id} in MLflow" if run_id else "no run in this store's MLflow shows it: not logged there"
    )
    say(where, console)


def diagnose(source: ModelSource, settings: Settings, outputs: Outputs, console: Console) -> None:
    """Question somebody's own model on generated clips, and give advice from what was measured.

    Raises DataError where the model cannot be loaded or called, SpecError for clips that cannot be generated.
    """
    with console.status(f"diagnosing {source.name}"):
        found = diagnose_model(source.load(), settings)
    for finding in found.findings:
        for sentence in finding.sentences:
            say(sentence, console)
    for sentence in found.summary.sentences:
        say(sentence, console)
    console.print("\nAdvice", style="bold")
    for sentence in found.advice:
        say(sentence, console)
    if outputs.json:
        findings = {finding.probe: plain(asdict(finding)) for finding in found.findings}
        told = {"advice": found.advice, "conventions_of_the_model": found.conventions, "findings": findings}
        write(outputs.json, _json(document(found.summary) | told), console)
    if outputs.html:
        command = shlex.join(["ablate", "diagnose", *source.words, *_options(settings)])
        page = forecast_page(
            source.name, found.summary, found.example, found.findings, found.advice, command, found.conventions
        )
        write(outputs.html, page, console)


def _options(settings: Settings) -> list[str]:
    """Return the settings that are not the defaults, as options."""
    options: list[str] = []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            options += [f"--{field.name}"] if value is True else [f"--{field.name}", str(value)]
    return options


def _run(target: str, store: Store) -> RunPaths:
    """Return the files of a run: by the path of its checkpoint, its id in MLflow, or the id of its point."""
    path = Path(target)
    if path.exists():
        paths = RunPaths((path if path.is_dir() else path.parent).absolute())
        if path.is_file() and path.name != paths.checkpoint.name:
            raise DataError(f"{path}: a run's weights are its {paths.checkpoint.name}; for your own: ablate diagnose")
        return paths
    if MLFLOW_ID.fullmatch(target) and store.has_run:
        return store.study((found := study_and_point(store, target))[0]).run(found[1])
    if POINT_ID.fullmatch(target) and (runs := store.runs(target)):
        return runs[0]
    raise DataError(
        f"{target}: no checkpoint lies there, and no run in {store.root} has that id; give a checkpoint.pt, a run's id "
        "in MLflow, or the id that the report gives"
    )


def _logged(store: Store, paths: RunPaths, findings: Sequence[Finding]) -> str | None:
    study, point = paths.folder.parent.parent.name, paths.folder.name
    if store.study(study).run(point) != paths or not store.has_run:
        return None
    return log_findings(store, study, point, findings, paths)


def _example(arrays: ForecastArrays, summary: ForecastSummary) -> Example:
    """Return the frames of the clips that a page shows."""
    clips = np.array(summary.shown, np.int64)
    history, truth, forecast = (
        as_ink(as_brightness(part[clips])) for part in (arrays.history, arrays.truth, arrays.forecast)
    )
    return Example(history, truth, forecast, clips)


def _json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, allow_nan=False) + "\n"
