"""Rows that are no runs of their own: parents of nested runs, and attempts that failed and were repeated."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from ablate.inference.tables.text import TextColumns

RUN_ID, PARENT_ID = "run_id", "tags.mlflow.parentrunid"  # as mlflow.search_runs names them, in small letters


def is_parent(text: TextColumns) -> Bool[np.ndarray, " row"]:
    """Return which rows are parents of other rows in an export of MLflow: their number summarizes other runs."""
    ids, parents = _column(text, RUN_ID), _column(text, PARENT_ID)
    if ids is None or parents is None:
        return np.zeros(len(text.rows), bool)
    nested_in = {parent for run, parent in zip(ids, parents, strict=True) if parent and parent != run}
    return np.array([run in nested_in for run in ids], bool)


def is_without_place(text: TextColumns, keys: Sequence[str]) -> Bool[np.ndarray, " row"]:
    """Return which rows lack a level or a block: a run that fails early may not have logged them."""
    blank = [np.array([not value for value in text.columns[name]], bool) for name in keys]
    without_place: np.ndarray = np.logical_or.reduce(blank)
    return without_place


def is_repeated_attempt(run: Int[np.ndarray, " row"], has_result: Bool[np.ndarray, " row"]) -> Bool[np.ndarray, " row"]:
    """Return which rows are attempts without a result of a run that another row stands for.

    That is a row with a result, or the first row of a run without any. `run` numbers the runs: cell and block.
    """
    rows = pd.DataFrame({"run": run, "has_result": has_result})
    has_any = rows.groupby("run")["has_result"].transform("any").to_numpy(bool)
    is_first = ~rows.duplicated("run").to_numpy(bool)
    repeated: np.ndarray = ~has_result & (has_any | ~is_first)
    return repeated


def _column(text: TextColumns, name: str) -> Sequence[str] | None:
    return next((values for column, values in text.optional.items() if column.lower() == name), None)
