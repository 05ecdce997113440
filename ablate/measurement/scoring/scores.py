"""Anybody's forecasts, scored by every metric, in bounded memory."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics import score
from ablate.measurement.scoring.alignment import Misfits, misfits
from ablate.measurement.scoring.brightness import as_brightness
from ablate.measurement.scoring.forecast_scores import ForecastScores

CHUNK = 2**20
"""Pixels converted and scored at a time by a thread: they stay near the core, and many cores stay small in memory."""

Observe = Callable[[int, int], None]


def score_forecast(forecast: Any, target: Any, history: Any = None, observe: Observe | None = None) -> ForecastScores:
    """Return every measure of a forecast per clip and step, and how it lies in time.

    Takes what `as_brightness` takes, memory maps among them: `forecast` and `target` (clip, step, height, width),
    `history` (clip, time, height, width), the true frames before the first step. Clips are converted and scored a
    chunk at a time, one thread a core. `observe` is told the clips done and their number. Raises ValueError for
    shapes that do not belong together.
    """
    if history is None:
        history = np.empty((len(target), 0, *target.shape[2:]), np.float32)
    _check(forecast, target, history)
    chunks = list(_chunks(target, history))
    parts: list[tuple[dict[str, FrameScores], Misfits]] = []
    with ThreadPoolExecutor(_cores()) as pool:
        for part in pool.map(lambda chunk: _scored(forecast[chunk], target[chunk], history[chunk]), chunks):
            parts.append(part)
            if observe is not None:
                observe(chunks[len(parts) - 1].stop, len(target))
    metrics = {name: np.concatenate([scores[name] for scores, _ in parts]) for name in parts[0][0]}
    return ForecastScores(metrics, reduce(add, (misfit for _, misfit in parts)).alignment)


def _scored(forecast: Any, target: Any, history: Any) -> tuple[dict[str, FrameScores], Misfits]:
    frames = as_brightness(forecast), as_brightness(target), as_brightness(history)
    return score(*frames), misfits(*frames)


def _chunks(target: Any, history: Any) -> Iterator[slice]:
    pixels = (target.shape[1] + history.shape[1]) * target.shape[2] * target.shape[3]
    size = max(1, CHUNK // pixels)
    return (slice(first, min(first + size, len(target))) for first in range(0, len(target), size))


def _check(forecast: Any, target: Any, history: Any) -> None:
    shapes = tuple(forecast.shape), tuple(target.shape), tuple(history.shape)
    if shapes[0] != shapes[1] or (shapes[1][0], *shapes[1][2:]) != (shapes[2][0], *shapes[2][2:]):
        raise ValueError(
            f"forecast {shapes[0]} and truth {shapes[1]} must have one shape (clip, step, height, width), and the "
            f"history {shapes[2]} their clips, height and width"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
