"""`ablate score`: the ghost and the quality of any forecasts in files."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from ablate.commands.console import json_text, say, say_written, write
from ablate.measurement.scoring.brightness import as_brightness, as_ink
from ablate.measurement.scoring.forecast_files import ForecastArrays, read_forecasts
from ablate.measurement.scoring.scores import ForecastScores, Observe, score_forecast
from ablate.measurement.scoring.summary import ForecastSummary, document, summarize
from ablate.report.animation import check_animation, write_animation
from ablate.report.forecast_page import forecast_page
from ablate.storage.records import Example


@dataclass(frozen=True)
class ScoreFiles:
    """Output files of a scoring; None writes no such file."""

    json: Path | None = None
    html: Path | None = None
    video: Path | None = None


@dataclass(frozen=True)
class ForecastFiles:
    """Files of the arrays, and whether their step axis comes before the clip axis."""

    forecast: Path
    target: Path
    history: Path | None
    step_first: bool

    @property
    def command(self) -> str:
        """The command that scores them again."""
        history = ["--history", str(self.history)] if self.history else []
        order = ["--step-first"] if self.step_first else []
        return shlex.join(
            ["ablate", "score", "--forecast", str(self.forecast), "--target", str(self.target), *history, *order]
        )


@dataclass(frozen=True)
class ScoredForecasts:
    """The scores of forecasts: of every metric per clip and step, in short, and the frames that a page shows."""

    scores: ForecastScores
    summary: ForecastSummary
    example: Example


def score(files: ForecastFiles, outputs: ScoreFiles, console: Console) -> None:
    """Score forecasts from files, print the result in sentences, and write the output files. Raises DataError."""
    if outputs.video:
        check_animation(outputs.video)  # before the long part, not after it
    arrays = read_forecasts(files.forecast, files.target, files.history, step_first=files.step_first)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("scoring", total=len(arrays.target))
        scored = score_arrays(arrays, lambda done, _: progress.update(task, completed=done))
    for sentence in scored.summary.sentences:
        say(sentence, console)
    if outputs.json:
        write(outputs.json, json_text(document(scored.summary)), console)
    if outputs.html:
        page = forecast_page(files.forecast.name, scored.summary, scored.example, command=files.command)
        write(outputs.html, page, console)
    if outputs.video:
        write_animation(outputs.video, scored.example)
        say_written(outputs.video, console)


def score_arrays(arrays: ForecastArrays, observe: Observe | None = None) -> ScoredForecasts:
    """Return the scores of forecasts; `observe` is called with the number of scored clips and of all clips."""
    scores = score_forecast(arrays.forecast, arrays.target, arrays.history, observe)
    summary = summarize(scores)
    return ScoredForecasts(scores, summary, _example(arrays, summary))


def _example(arrays: ForecastArrays, summary: ForecastSummary) -> Example:
    """Return the frames of the clips that a page shows."""
    clips = np.array(summary.shown_clips, np.int64)
    history, target, forecast = (
        as_ink(as_brightness(frames[clips])) for frames in (arrays.history, arrays.target, arrays.forecast)
    )
    return Example(history, target, forecast, clips)
