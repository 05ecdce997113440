"""Tables of a result as pandas frames, and a frame of a user as a file that the commands read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ablate.core.errors import DataError
from ablate.inference.inference import Inference
from ablate.measurement.scoring.curves import StepCurve

EFFECT_COLUMNS = [
    *("factor", "contrast", "level", "baseline", "trend", "estimate", "low", "high", "p", "p_adjusted"),
    *("standardized", "prob_improvement", "equivalent", "n_blocks", "n_runs"),
]
VERDICT_COLUMNS = [
    *("factor", "title", "verdict", "partners", "p", "p_adjusted", "reason", "more_seeds_needed"),
    *("exploratory", "weak_spot"),
]
INTERACTION_COLUMNS = ["first", "second", "p", "p_adjusted", "partial_eta_sq"]


def effects_frame(inference: Inference) -> pd.DataFrame:
    """Return one row per effect, in the response's unit: see EFFECT_COLUMNS and inference.Effect."""
    effects = [effect for verdict in inference.verdicts for effect in verdict.effects]
    rows = [[getattr(effect, column) for column in EFFECT_COLUMNS] for effect in effects]
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)


def verdicts_frame(inference: Inference) -> pd.DataFrame:
    """Return one row per factor: its verdict in words, the factors it acts only with, and p of its test."""
    rows = [
        (
            verdict.factor,
            verdict.title,
            str(verdict.verdict),
            ", ".join(verdict.partners),
            verdict.test.p,
            verdict.p_adjusted,
            verdict.reason,
            verdict.more_seeds_needed,
            verdict.exploratory,
            verdict.weak_spot,
        )
        for verdict in inference.verdicts
    ]
    return pd.DataFrame(rows, columns=VERDICT_COLUMNS)


def interactions_frame(inference: Inference) -> pd.DataFrame:
    """Return one row per tested interaction: its two factors, p, adjusted p, and partial eta squared in [0, 1]."""
    rows = [(*pair.factors, pair.test.p, pair.p_adjusted, pair.partial_eta_sq) for pair in inference.interactions]
    return pd.DataFrame(rows, columns=INTERACTION_COLUMNS)


def scores_frame(curves: Mapping[str, StepCurve]) -> pd.DataFrame:
    """Return one row per metric: its mean, the 95 % confidence interval over clips, and the share of defined frames."""
    rows = [(name, curve.mean, curve.low, curve.high, curve.defined_share) for name, curve in curves.items()]
    return pd.DataFrame(rows, columns=["metric", "mean", "low", "high", "defined_share"])


def steps_frame(curves: Mapping[str, StepCurve]) -> pd.DataFrame:
    """Return one row per forecast step, from 1, and a column with the mean of each metric."""
    frame = pd.DataFrame({name: curve.per_step for name, curve in curves.items()})
    frame.insert(0, "step", range(1, len(frame) + 1))
    return frame


@contextmanager
def table_file(table: Any) -> Iterator[Path]:
    """Write a table of runs into a temporary Parquet file, every value as text, and yield its path.

    Takes a DataFrame of pandas or anything that has `to_pandas`, a mapping of columns, or a list of rows. Columns of
    mixed types are fine. Named levels of the index become columns. Raises DataError for anything else.
    """
    frame = _frame(table)
    from pyarrow import Table, array, parquet, string  # noqa: PLC0415  # takes a while to load

    texts = [
        array([cell_text(value) for value in frame.iloc[:, place].to_numpy()], string())
        for place in range(frame.shape[1])
    ]
    with TemporaryDirectory(prefix="ablate-") as folder:
        file = Path(folder) / "runs.parquet"
        parquet.write_table(Table.from_arrays(texts, names=[str(name) for name in frame.columns]), file)
        yield file


def cell_text(value: Any) -> str | None:
    """Return a value of a table as text; None for a missing one.

    A float32 is its short text, 0.1: as a Python float it would be 0.10000000149.
    """
    is_missing = pd.api.types.is_scalar(value) and pd.isna(value)
    return None if is_missing else str(value)


def _frame(table: Any) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame):
        if hasattr(table, "to_pandas"):
            table = table.to_pandas()
        elif isinstance(table, Mapping | list):
            table = pd.DataFrame(table)
        else:
            raise DataError(
                f"the table: found {type(table).__name__}; must be a DataFrame, or the path of a .csv, .tsv or .parquet"
            )
    named = [name for name in table.index.names if name is not None and name not in table.columns]
    frame: pd.DataFrame = table.reset_index(named) if named else table
    return frame
