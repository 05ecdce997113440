"""Forecasts of any origin, scored by every metric, in bounded memory."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics import score
from ablate.measurement.scoring.alignment import Alignment, Misfits, misfits
from ablate.measurement.scoring.brightness import as_brightness

CHUNK = 2**20
"""Pixels that one thread converts and scores at a time: they fit its cache, and memory stays small on many cores."""

Observe = Callable[[int, int], None]


@dataclass(frozen=True)
class ForecastScores:
    """The values of every metric of METRICS by name, per clip and forecast step (NaN: undefined), and the alignment."""

    metrics: Mapping[str, FrameScores]
    alignment: Alignment


def score_forecast(forecast: Any, target: Any, history: Any = None, observe: Observe | None = None) -> ForecastScores:
    """Return the values of every metric per clip and step, and the alignment of the forecast in time.

    Takes what `as_brightness` takes, memory maps included: `forecast` and `target` (clip, step, height, width),
    `history` (clip, time, height, width), the true frames before the first step. Clips are converted and scored in
    chunks, one thread per core. `observe` is called with the number of scored clips and of all clips. Raises
    ValueError for shapes that do not match.
    """
    if history is None:
        history = np.empty((len(target), 0, *target.shape[2:]), np.float32)
    _check_shapes(forecast, target, history)
    chunks = list(_chunks(target, history))
    chunk_scores: list[tuple[dict[str, FrameScores], Misfits]] = []
    with ThreadPoolExecutor(_cores()) as pool:
        for scores in pool.map(lambda chunk: _score_chunk(forecast[chunk], target[chunk], history[chunk]), chunks):
            chunk_scores.append(scores)
            if observe is not None:
                observe(chunks[len(chunk_scores) - 1].stop, len(target))
    metrics = {name: np.concatenate([values[name] for values, _ in chunk_scores]) for name in chunk_scores[0][0]}
    return ForecastScores(metrics, reduce(add, (misfit for _, misfit in chunk_scores)).alignment)


def _score_chunk(forecast: Any, target: Any, history: Any) -> tuple[dict[str, FrameScores], Misfits]:
    frames = as_brightness(forecast), as_brightness(target), as_brightness(history)
    return score(*frames), misfits(*frames)


def _chunks(target: Any, history: Any) -> Iterator[slice]:
    pixels = (target.shape[1] + history.shape[1]) * target.shape[2] * target.shape[3]
    size = max(1, CHUNK // pixels)
    return (slice(first, min(first + size, len(target))) for first in range(0, len(target), size))


def _check_shapes(forecast: Any, target: Any, history: Any) -> None:
    shapes = tuple(forecast.shape), tuple(target.shape), tuple(history.shape)
    if shapes[0] != shapes[1] or (shapes[1][0], *shapes[1][2:]) != (shapes[2][0], *shapes[2][2:]):
        raise ValueError(
            f"forecast {shapes[0]} and target {shapes[1]} must have one shape (clip, step, height, width), and the "
            f"history {shapes[2]} their clips, height and width"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
