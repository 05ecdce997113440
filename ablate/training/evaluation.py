"""Forecasts of a trained model in each view, scored per clip and forecast step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from ablate.components.data.batches import as_video
from ablate.components.data.source import ClipSource
from ablate.components.models.batch_statistics import recompute_statistics, statistics
from ablate.components.models.forecaster import Forecaster
from ablate.core.arrays import Clips, Frames, FrameScores
from ablate.core.errors import DataError
from ablate.core.tensors import Video
from ablate.measurement.metrics import score
from ablate.measurement.scoring.alignment import align
from ablate.measurement.scoring.brightness import as_brightness, as_ink
from ablate.measurement.scoring.scores import ForecastScores
from ablate.measurement.scoring.summary import EXTREMES, strongest_and_weakest
from ablate.storage.records import SCORE_COLUMNS, ClipNumbers, Example
from ablate.study import Evaluation, RunSpec, View

RECOMPUTED_OVER = 256  # training clips: enough to make the sampling error far smaller than that of one batch


@dataclass(frozen=True)
class ViewResult:
    """The scores of one view, and the frames of some of its clips."""

    scores: ForecastScores
    example: Example


def evaluate(model: Forecaster, run: RunSpec, source: ClipSource, device: torch.device) -> dict[str, ViewResult]:
    """Return the result of every view of the run, by the name of the view.

    First recomputes the statistics of batch normalization over training clips. Raises DataError if a view starts after
    the last clip.
    """
    recompute_statistics(model, training_videos(run, source, device))
    return {
        name: _evaluate_view(model, view, run.evaluation, source, device) for name, view in run.evaluation.views.items()
    }


def score_table(views: Mapping[str, ViewResult]) -> pd.DataFrame:
    """Return the scores as rows (columns of SCORE_COLUMNS); forecast steps count from 1."""
    tables = [
        _score_rows(name, metric, values)
        for name, view in views.items()
        for metric, values in view.scores.metrics.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _evaluate_view(
    model: Forecaster, view: View, evaluation: Evaluation, source: ClipSource, device: torch.device
) -> ViewResult:
    clips = _clips(view, evaluation, source)
    forecast = _forecast(model, clips, view, evaluation, device)
    start = evaluation.context + view.target_offset
    history, target = clips[:, :start], clips[:, start : start + evaluation.horizon]
    metrics = score(forecast, as_brightness(target), as_brightness(history))
    scores = ForecastScores(metrics, align(forecast, as_brightness(target), as_brightness(history)))
    examples = _example_clips(scores, evaluation.examples)
    return ViewResult(scores, Example(history[examples], target[examples], as_ink(forecast[examples]), examples))


def _example_clips(scores: ForecastScores, first: int) -> ClipNumbers:
    """Return the clips whose frames are stored: the first ones, then those that the page of forecasts shows."""
    ghosts = scores.metrics["ghost_ratio"]
    extremes = [clip for clips in strongest_and_weakest(ghosts, EXTREMES) for clip in clips]
    return np.array(list(dict.fromkeys([*range(min(first, len(ghosts))), *extremes])), np.int64)


def _clips(view: View, evaluation: Evaluation, source: ClipSource) -> Clips:
    frames, end = evaluation.context + evaluation.horizon, view.first + (view.count or evaluation.clips)
    if view.clips == "held_out":
        return source.held_out(end, frames)[view.first :]
    available = end if source.training_size is None else min(end, source.training_size)
    if view.first >= available:
        raise DataError(f"a view starts at training clip {view.first}, but there are {available}; lower its 'first'")
    return source.training(np.arange(view.first, available), frames)


@torch.no_grad()
def _forecast(model: Forecaster, clips: Clips, view: View, evaluation: Evaluation, device: torch.device) -> Frames:
    context, horizon = evaluation.context, evaluation.horizon
    with statistics(model, view.statistics):
        forecasts = [
            model.forecast(video[:, :context], horizon)
            if view.forecast == "rollout"
            else model.one_step(video[:, : context + horizon - 1])[:, context - 1 :]
            for video in _videos(clips, evaluation.batch, device)
        ]
    return torch.cat(forecasts)[:, :, 0].float().cpu().numpy()


def training_videos(run: RunSpec, source: ClipSource, device: torch.device) -> Iterator[Video]:
    """Yield the first training clips in batches, with as many frames as the run was trained on."""
    count = min(RECOMPUTED_OVER, source.training_size or RECOMPUTED_OVER)
    frames = run.training.scheme.frames_needed
    for first in range(0, count, run.training.batch):
        indices = np.arange(first, min(first + run.training.batch, count))
        yield next(_videos(source.training(indices, frames), run.training.batch, device))


def _videos(clips: Clips, batch: int, device: torch.device) -> Iterator[Video]:
    for first in range(0, len(clips), batch):
        yield as_video(torch.from_numpy(clips[first : first + batch]).to(device))


def _score_rows(view: str, metric: str, values: FrameScores) -> pd.DataFrame:
    """Return the values of a metric as rows, in float32, so that a bundle holds exactly the stored values."""
    clip, step = np.indices(values.shape)
    columns = (view, clip.ravel(), step.ravel() + 1, metric, values.ravel().astype(np.float32))
    return pd.DataFrame(dict(zip(SCORE_COLUMNS, columns, strict=True)))
