"""Anybody's table of runs, from a CSV or Parquet file: one row a run."""

from ablate.table_file.columns import Columns
from ablate.table_file.runs import read_runs

__all__ = ["Columns", "read_runs"]
