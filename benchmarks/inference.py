"""Speed of the inference on tables of runs: `python -m benchmarks.inference [--seeds 10 16 32]`.

First, tables of 60 to 300 rows in this process: a whole inference, and one of a campaign (999 draws, no descriptions).
Then it writes the runs of a factorial of 3 x 3 x 3 x 3 x 2 x 2 x 2 = 648 cells with that many seeds as a CSV file, with
two causes and a pure interaction. `ablate analyze` tests all 7 factors and 21 pairs, in a separate process.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

import numpy as np
import pandas as pd
from rich.console import Console

from ablate.inference.calibration.published.campaign import DRAWS
from ablate.inference.calibration.published.catalog import PUBLISHED
from ablate.inference.infer import infer
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings, Looks

SMALL = ("search", "search_mains", "independent", "designed_small", "one_at_a_time", "found_twelve", "looks_null")
REPEATS = 5
LEVELS = {"A": 3, "B": 3, "C": 3, "D": 3, "E": 2, "F": 2, "G": 2}
CAUSE, PAIR = 0.25, 0.5
"""In standard deviations of a run: each step of A, and E; the pair B x C at its first levels."""
PURE = np.array([1.0, -0.5, -0.5])
"""The sum over the levels is 0, so that the pair has no effect on average."""


def main() -> None:
    """Print seconds (with start-up), peak memory and verdicts for each number of seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 16], help="seeds to try (10 16)")
    arguments = parser.parse_args()
    for name in SMALL:
        Console().print(_small_table(name))
    for seeds in arguments.seeds:
        with TemporaryDirectory() as folder:
            runs = _runs(seeds)
            runs.to_csv(Path(folder) / "runs.csv", index=False)
            seconds, verdicts = _analyzed(Path(folder))
        Console().print(
            f"{len(runs)} runs ({seeds} seeds): {seconds:.1f} s, peak memory {_peak_megabytes():.0f} MB; "
            f"{', '.join(f'{count} {verdict}' for verdict, count in sorted(verdicts.items()))}"
        )


def _small_table(name: str) -> str:
    """Return the median seconds of an inference from a table of a published scenario."""
    scenario = PUBLISHED[name]
    growth = scenario.growth
    looks = Looks(first=growth.first, last=growth.last) if growth else None
    interactions: Literal["all", "none"] = "all" if scenario.pairs else "none"
    settings = InferenceSettings(margin=scenario.margin, interactions=interactions, looks=looks)
    tables = [scenario.table(0, number).table for number in range(REPEATS)]
    whole = [_seconds(table, settings, described=True) for table in tables]
    campaign = [_seconds(table, settings.model_copy(update={"draws": DRAWS}), described=False) for table in tables]
    return (
        f"{name}: {scenario.title}; {len(tables[0].response)} rows: {np.median(whole):.3f} s, "
        f"in a campaign {np.median(campaign):.3f} s"
    )


def _seconds(table: RunTable, settings: InferenceSettings, *, described: bool) -> float:
    start = perf_counter()
    infer(table, settings, described=described)
    return perf_counter() - start


def _runs(seeds: int) -> pd.DataFrame:
    """Return the runs of the full factorial. Run and seed each add normal noise with standard deviation 1."""
    generator = np.random.default_rng(seeds)
    runs = pd.DataFrame(list(product(*map(range, LEVELS.values()), range(seeds))), columns=[*LEVELS, "seed"])
    pure = PAIR * PURE[runs["B"]] * PURE[runs["C"]]
    runs["ghost"] = CAUSE * (runs["A"] + runs["E"]) + pure + generator.normal(0, 1, len(runs))
    runs["ghost"] += generator.normal(0, 1, seeds)[runs["seed"]]
    return runs


def _analyzed(folder: Path) -> tuple[float, Counter[str]]:
    command = [sys.executable, "-c", "from ablate.cli import main; main()", "analyze", "runs.csv"]
    columns = ["--response", "ghost", "--factors", ",".join(LEVELS), "--block", "seed", "--margin", "0.2"]
    start = perf_counter()
    subprocess.run(  # noqa: S603  # a command of this project
        [*command, *columns, "--json", "out.json"], cwd=folder, stdout=subprocess.DEVNULL, check=True
    )
    seconds = perf_counter() - start
    verdicts = json.loads((folder / "out.json").read_text(encoding="utf-8"))["verdicts"]
    return seconds, Counter(factor["verdict"] for factor in verdicts)


def _peak_megabytes() -> float:
    """Return the largest memory of an analysis so far."""
    unit = 1 if platform.system() == "Darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
