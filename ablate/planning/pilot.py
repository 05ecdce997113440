"""How much runs vary, and how much effects vary between seeds, estimated from runs that exist already."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ablate.core.errors import DataError
from ablate.inference.block_effects import run_deviation
from ablate.inference.cell_noise import CellNoise, MeanSquare
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import Family
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.linear_model import Observations
from ablate.inference.run_table import RunTable
from ablate.inference.terms import main_effects
from ablate.planning.plan import RunDeviation
from ablate.storage.exclusions import excluded_runs
from ablate.storage.paths import StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec

# Fewer degrees of freedom show the deviation of a run only within a factor of two, once effects by seed are taken out.
FEWEST_FREEDOM = 6


def from_store(study: StudySpec, paths: StudyPaths) -> RunDeviation | None:
    """Return the deviation of the study's finished runs, without excluded ones; None if they are too few."""
    excluded = excluded_runs(paths)
    finished = [run for run in study.planned_runs if paths.run(run.id).record.exists() and run.id not in excluded]
    rows = [
        {
            **run.levels,
            "seed": run.seed,
            "response": study.response.of(RunRecord.load(paths.run(run.id), run.id, pictures=False).scores),
        }
        for run in finished
    ]
    return _deviation(pd.DataFrame(rows), tuple(study.factors), "this study") if rows else None


def from_table(study: StudySpec, file: Path) -> RunDeviation:
    """Return the deviation of the runs in a CSV file with one row per run.

    The file needs a column `seed`, a column named `response` or as the study's metric, and one column for each factor
    that varied, named by its path. Raises DataError if it is not such a file, or has too few runs for an estimate.
    """
    try:
        runs = pd.read_csv(file)
    except (OSError, ValueError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{file}: cannot be read as CSV: {error}") from error
    metric = study.response.metric
    responses = [name for name in ("response", metric) if name in runs]
    if "seed" not in runs or not responses:
        raise DataError(
            f"{file}: found the columns {list(map(str, runs.columns))}; a pilot needs seed, and response or {metric}"
        )
    runs["response"] = pd.to_numeric(runs[responses[0]], errors="coerce")
    deviation = _deviation(runs, [path for path in study.factors if path in runs], str(file))
    if deviation is None:
        raise DataError(
            f"{file}: found {len(runs)} runs, too few to estimate a deviation; give at least two cells in two seeds"
        )
    return deviation


def _deviation(runs: pd.DataFrame, factors: Sequence[str], source: str) -> RunDeviation | None:
    seeds, block = np.unique(runs["seed"].astype(str), return_inverse=True)
    levels = [np.unique(runs[path].astype(str), return_inverse=True) for path in factors]
    table = RunTable(
        factors=tuple(
            FactorLevels(path, path, tuple(names), names[0]) for path, (names, _) in zip(factors, levels, strict=True)
        ),
        blocks=tuple(seeds),
        levels=np.column_stack([np.empty((len(runs), 0), int), *(positions for _, positions in levels)]),
        block=block,
        response=runs["response"].to_numpy(float),
    )
    deviation, freedom = run_deviation(table)
    if not deviation:  # too few runs, or equal ones, do not show how much runs vary
        return None
    between = _between_seeds(table.with_responses())
    if between is not None:
        deviation, between_seeds, freedom = between
        return RunDeviation(deviation, _words(table, source, freedom), between_seeds)
    return RunDeviation(deviation, _words(table, source, freedom))


def _between_seeds(table: RunTable) -> tuple[float, float, int] | None:
    """Return the deviations of a run and of main effects between seeds, and the degrees of freedom of the former.

    The mean square of a factor's interaction with the seeds exceeds that of the remaining noise by the variance of its
    effects between seeds. None if too little noise remains beside these interactions, or if the effects do not vary
    more than it explains.
    """
    mains = main_effects(table)
    observations = Observations.of(table, has_blocks=True)
    noise = CellNoise(table, Family(KindOfTest.F_TEST, (), (), observations))
    explained = noise.explained(mains)
    remainder = MeanSquare(noise.total.squares - explained.squares, noise.total.freedom - explained.freedom)
    if not mains or remainder.freedom < FEWEST_FREEDOM or remainder.squares <= 0:
        return None
    excess = [
        (by_seed.value - remainder.value) * _variance_of_effect(table, position)
        for (position,) in mains
        if (by_seed := noise.explained([(position,)])).freedom > 0
    ]
    variance = float(np.mean(excess)) if excess else 0.0
    if variance <= 0:
        return None
    return np.sqrt(remainder.value) * observations.scale, np.sqrt(variance) * observations.scale, remainder.freedom


def _variance_of_effect(table: RunTable, position: int) -> float:
    """Return the variance of a difference of two levels in one seed, if that of a run is 1."""
    blocks = max(1, table.measured_blocks)
    runs = np.bincount(table.levels[table.defined, position]) / blocks  # at each level, in one seed
    smallest = np.sort(runs)[:2]
    return float((1 / smallest).sum())


def _words(table: RunTable, source: str, freedom: int) -> str:
    measured = int(table.defined.sum())
    lost = len(table.response) - measured
    without = f" ({lost} more {'has' if lost == 1 else 'have'} no response)" if lost else ""
    return f"from {measured} runs of {source}{without}, {freedom} degrees of freedom"
