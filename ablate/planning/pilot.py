"""How much a run varies about its cell and seed, from runs that were made already."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ablate.core.errors import DataError
from ablate.inference.block_effects import run_deviation
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.run_table import RunTable
from ablate.planning.plan import Spread
from ablate.storage.paths import StudyPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec


def from_store(study: StudySpec, paths: StudyPaths) -> Spread | None:
    """Return the deviation of the study's runs that have a result; None where they are too few to tell."""
    made = [run for run in study.planned_runs if paths.run(run.id).record.exists()]
    rows = [
        {
            **run.levels,
            "seed": run.seed,
            "response": study.response.of(RunRecord.load(paths.run(run.id), run.id, pictures=False).scores),
        }
        for run in made
    ]
    return _deviation(pd.DataFrame(rows), tuple(study.factors), "this study") if rows else None


def from_table(study: StudySpec, file: Path) -> Spread:
    """Return the deviation of the runs in a CSV file: one row a run.

    It has a column `seed`, one named `response` or as the study's measure, and one for each factor that varied, by its
    path. Raises DataError where it is no such file, or holds too few runs to tell.
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
    found = _deviation(runs, [path for path in study.factors if path in runs], str(file))
    if found is None:
        raise DataError(f"{file}: too few runs to tell a deviation; it takes two cells in two seeds, or more")
    return found


def _deviation(runs: pd.DataFrame, factors: Sequence[str], source: str) -> Spread | None:
    seeds, block = np.unique(runs["seed"].astype(str), return_inverse=True)
    names = [np.unique(runs[path].astype(str), return_inverse=True) for path in factors]
    table = RunTable(
        factors=tuple(
            FactorLevels(path, path, tuple(own), own[0]) for path, (own, _) in zip(factors, names, strict=True)
        ),
        blocks=tuple(seeds),
        levels=np.column_stack([np.empty((len(runs), 0), int), *(position for _, position in names)]),
        block=block,
        response=runs["response"].to_numpy(float),
    )
    deviation, freedom = run_deviation(table)
    if not deviation:  # too few runs, or runs that are all alike, say nothing of how much they vary
        return None
    return Spread(deviation, f"from {int(table.defined.sum())} runs of {source}, {freedom} degrees of freedom")
