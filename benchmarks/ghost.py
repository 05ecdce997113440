"""Speed of the ghost metric: `python -m benchmarks.ghost [--clips N]`.

Scores the forecast of N generated clips (10 frames of history, 20 steps, 64 x 64 pixels, gray) chunk by chunk, as
`ablate score` does, with one thread and with two. The forecast has a ghost and deviates from the true path, so that the
metric is defined everywhere. A few clips are generated and scored repeatedly, so they stay in memory.
"""

import argparse
import platform
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
from jaxtyping import UInt8
from rich.console import Console

from ablate.components.data import MovingMNIST
from ablate.core.arrays import Clips
from ablate.measurement.metrics import Ghost

HISTORY, STEPS = 10, 20
DIFFERENT = 200
"""Number of different clips; further clips repeat them."""
CHUNK = 32
"""Number of clips that a thread converts to floats and scores at a time."""
DRIFT = 4
"""Distance of the forecast from the true path, in pixels."""

Forecast = UInt8[np.ndarray, "clip step height width"]


def main() -> None:
    """Print seconds, clips per second and peak memory, for one thread and for two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1000, help="clips to score (1000)")
    clips = parser.parse_args().clips
    frames = MovingMNIST().build(seed=0).held_out(min(clips, DIFFERENT), HISTORY + STEPS)
    forecast = _flawed_forecast(frames)
    for threads in (1, 2):
        seconds = _seconds(frames, forecast, clips, threads)
        Console().print(
            f"{threads} thread{'s' * (threads > 1)}: {clips} clips x {STEPS} steps in {seconds:.1f} s, "
            f"{clips / seconds:.0f} clips/s, peak memory {_peak_megabytes():.0f} MB"
        )


def _flawed_forecast(frames: Clips) -> Forecast:
    """Return a dim forecast next to the true path, with a ghost of about 0.3 on that path."""
    past = np.maximum.accumulate(frames, axis=1)[:, HISTORY - 1 : -1]
    drifted = np.roll(frames[:, HISTORY:], DRIFT, axis=-1)
    flawed: Forecast = np.maximum(drifted // 10 * 9, past // 10 * 3)
    return flawed


def _seconds(frames: Clips, forecast: Forecast, clips: int, threads: int) -> float:
    def score(chosen: slice) -> None:
        forecasts, targets = (array[chosen].astype(np.float32) / 255 for array in (forecast, frames))
        Ghost().per_frame(forecasts, targets[:, HISTORY:], targets[:, :HISTORY])

    start = perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(score, _chunks(clips, len(frames))))
    return perf_counter() - start


def _chunks(clips: int, different: int) -> Iterator[slice]:
    """Return chunks of `clips` clips in total, which repeat the different clips."""
    while clips > 0:
        whole_round = min(clips, different)
        yield from (slice(first, min(first + CHUNK, whole_round)) for first in range(0, whole_round, CHUNK))
        clips -= whole_round


def _peak_megabytes() -> float:
    unit = 1 if platform.system() == "Darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
