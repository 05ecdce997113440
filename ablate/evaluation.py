"""What a trained model forecasts in each view, one score per clip, forecast step and measure."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import torch

from ablate.arrays import Clips, Frames
from ablate.data.batches import as_video
from ablate.data.source import ClipSource
from ablate.errors import DataError
from ablate.metrics import score
from ablate.models.batch_statistics import recompute_statistics, statistics
from ablate.models.forecaster import Forecaster
from ablate.records import SCORE_COLUMNS, Example
from ablate.spec import Evaluation, RunSpec, View
from ablate.tensors import Video

RECOMPUTED_OVER = 256  # training clips: enough that the averages' own spread is far below a batch's


def evaluate(
    model: Forecaster, run: RunSpec, source: ClipSource, device: torch.device
) -> tuple[pd.DataFrame, Mapping[str, Example]]:
    """Return the scores (columns of SCORE_COLUMNS) and the frames of the first clips, of every view."""
    recompute_statistics(model, _training_videos(run, source, device))
    tables, examples = [], {}
    for name, view in run.evaluation.views.items():
        clips = _clips(view, run.evaluation, source)
        forecast = _forecast(model, clips, view, run.evaluation, device)
        start = run.evaluation.context + view.truth_offset
        history, truth = clips[:, :start], clips[:, start : start + run.evaluation.horizon]
        tables.append(_long(name, score(forecast, _unit(truth), _unit(history))))
        kept = slice(run.evaluation.examples)
        examples[name] = Example(
            history[kept], truth[kept], np.rint(forecast[kept] * 255).astype(np.uint8), np.arange(len(truth[kept]))
        )
    return pd.concat(tables, ignore_index=True), examples


def _clips(view: View, evaluation: Evaluation, source: ClipSource) -> Clips:
    frames, end = evaluation.context + evaluation.horizon, view.first + (view.count or evaluation.clips)
    if view.clips == "held_out":
        return source.held_out(end, frames)[view.first :]
    available = end if source.training_size is None else min(end, source.training_size)
    if view.first >= available:
        raise DataError(f"a view begins at training clip {view.first}, but there are {available}; lower its 'first'")
    return source.training(np.arange(view.first, available), frames)


@torch.no_grad()
def _forecast(model: Forecaster, clips: Clips, view: View, evaluation: Evaluation, device: torch.device) -> Frames:
    context, horizon = evaluation.context, evaluation.horizon
    with statistics(model, view.statistics):
        parts = [
            model.forecast(video[:, :context], horizon)
            if view.forecast == "rollout"
            else model.one_step(video[:, : context + horizon - 1])[:, context - 1 :]
            for video in _videos(clips, evaluation.batch, device)
        ]
    return torch.cat(parts)[:, :, 0].float().cpu().numpy()


def _training_videos(run: RunSpec, source: ClipSource, device: torch.device) -> Iterator[Video]:
    count = min(RECOMPUTED_OVER, source.training_size or RECOMPUTED_OVER)
    frames = run.training.scheme.frames_needed
    for first in range(0, count, run.training.batch):
        indices = np.arange(first, min(first + run.training.batch, count))
        yield next(_videos(source.training(indices, frames), run.training.batch, device))


def _videos(clips: Clips, batch: int, device: torch.device) -> Iterator[Video]:
    for first in range(0, len(clips), batch):
        yield as_video(torch.from_numpy(clips[first : first + batch]).to(device))


def _unit(clips: Clips) -> Frames:
    return clips.astype(np.float32) / 255


def _long(view: str, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Lay out (clip, step) arrays as rows, forecast steps counted from 1."""
    tables = []
    for measure, values in scores.items():
        clip, step = np.indices(values.shape)
        columns = (view, clip.ravel(), step.ravel() + 1, measure, values.ravel())
        tables.append(pd.DataFrame(dict(zip(SCORE_COLUMNS, columns, strict=True))))
    return pd.concat(tables, ignore_index=True)
