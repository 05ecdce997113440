"""Anybody's table of runs, from a CSV or Parquet file: one row a run."""

from ablate.inference.tables.columns import Columns
from ablate.inference.tables.runs import read_runs

__all__ = ["Columns", "read_runs"]
