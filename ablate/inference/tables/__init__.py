"""Tables of runs from CSV and Parquet files: one row per run."""

from ablate.inference.tables.columns import Columns
from ablate.inference.tables.runs import read_responses, read_runs

__all__ = ["Columns", "read_responses", "read_runs"]
