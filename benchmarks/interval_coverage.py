"""Coverage of the confidence intervals of an effect over seeds: `python -m benchmarks.interval_coverage`.

Every seed gives one contrast: of two runs (`both`: the noise is the same at both levels), or of a run with noise and
a run without (`one`: only one level is noisy, which preserves the skewness of the noise). The true contrast is 0.
"""

import argparse
from collections.abc import Callable
from typing import get_args

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from ablate.inference.estimate import EffectEstimate, confidence_interval
from ablate.inference.settings import InferenceSettings, Interval

SEEDS = (3, 5, 10, 20)
CONFIDENCE = 0.95

Draw = Callable[[np.random.Generator, int], np.ndarray]


def main() -> None:
    """Print the share of intervals that cover the true value, and their median width, for every noise and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=4000, help="simulated studies (4000)")
    studies = parser.parse_args().studies
    table = Table("noise", "seeds", *(f"{kind}: covered, width" for kind in get_args(Interval)))
    console = Console(width=120)
    for name, draw in track(list(noises().items()), console=console, transient=True):
        for seeds in SEEDS:
            table.add_row(
                name, str(seeds), *(_coverage_and_width(draw, seeds, kind, studies) for kind in get_args(Interval))
            )
    console.print(table)


def noises() -> dict[str, Draw]:
    """Return the distributions of a seed's contrast, by name; all have mean 0."""
    log_normal, exponential = stats.lognorm(1), stats.expon()

    def skewed(distribution: stats.distributions.rv_frozen) -> Draw:
        return lambda generator, n: distribution.rvs(size=n, random_state=generator) - distribution.mean()

    return {
        "normal, both": lambda generator, n: generator.normal(0, np.sqrt(2), n),
        "log-normal, both": lambda generator, n: skewed(log_normal)(generator, n) - skewed(log_normal)(generator, n),
        "exponential, one": skewed(exponential),
        "log-normal, one": skewed(log_normal),
    }


def _coverage_and_width(draw: Draw, seeds: int, kind: Interval, studies: int) -> str:
    generator = np.random.default_rng(0)
    covered, widths = 0, []
    for study in range(studies):
        low, high = _bounds(draw(generator, seeds), InferenceSettings(interval=kind, seed=study))
        covered += low <= 0 <= high
        widths.append(high - low)
    return f"{100 * covered / studies:.1f} %, {np.median(widths):.2f}"


def _bounds(by_block: np.ndarray, settings: InferenceSettings) -> tuple[float, float]:
    error = float(by_block.std(ddof=1) / np.sqrt(len(by_block)))
    estimate = EffectEstimate(
        value=float(by_block.mean()),
        error=error,
        freedom=len(by_block) - 1,
        by_block=by_block,
        blocks=len(by_block),
        runs=2 * len(by_block),
        dropped=0,
        above=None,
    )
    bounds = confidence_interval(estimate, "block", settings, CONFIDENCE)
    assert bounds is not None  # noqa: S101  # an estimate with an error has an interval
    return bounds


if __name__ == "__main__":
    main()
