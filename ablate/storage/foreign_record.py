"""The record of a run from a bundle: checked for what only a forged or damaged file would hold, before it is used."""

import math
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import get_args
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd
from numpy.lib import format as npy
from pydantic import ValidationError

from ablate.storage import findings
from ablate.storage.paths import RunPaths
from ablate.storage.records import CURVE_COLUMNS, SCORE_COLUMNS, Outcome, RecordHead, RunRecord, damaged

MOST_ROWS = 1_000_000  # of scores: 1,000 clips of 50 steps in 4 views have as many for 5 metrics
MOST_POINTS = 1_000_000  # of a loss curve
MOST_FRAMES = 64 << 20  # bytes of the frames of a run
MOST_FACTS, LONGEST_FACT, LONGEST_WORD = 500, 2_000, 100
FACT = re.compile(r"[\w./-]{1,100}", re.ASCII)
NUMBER = re.compile(
    r"seconds|training_seconds|peak_memory_mib|micro_batches|parameters|ghost_definition|\w+/best_offset", re.ASCII
)
"""Names of facts that are numbers."""
CLIP_AXES, FRAME_AXES = 1, 4


def checked_record(paths: RunPaths, run_id: str) -> RunRecord:
    """Return the record of a run from a bundle. Raises DataError where it is damaged, too large, or no such record."""
    try:
        head = RecordHead.load(paths)
        _require(head.reduced is not None, "it has no reduced.json")
        _require(head.outcome in get_args(Outcome), f"its outcome is {head.outcome!r}")
        _require(
            len(head.facts) <= MOST_FACTS and all(map(_is_fact, head.facts.items())), "its facts are no plain values"
        )
        _check_scores(head.checked(paths.scores))
        _check_curve(head.checked(paths.curve))
        if paths.examples.exists():
            _check_frames(paths.examples)
        record = RunRecord.load(paths, run_id)
        for example in record.examples.values():
            _check_example(example.history, example.target, example.forecast, example.clips)
        if paths.findings.exists():
            findings.load(paths.findings)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, BadZipFile, ValidationError) as error:
        raise damaged(paths, str(error)) from error
    return record


def _is_fact(fact: tuple[str, object]) -> bool:
    """Return whether a fact has a plain name, and a value that the report and MLflow can take."""
    name, value = fact
    if FACT.fullmatch(name) is None:
        return False
    if isinstance(value, str):
        return len(value) <= LONGEST_FACT and not NUMBER.fullmatch(name)
    return isinstance(value, int | float) and math.isfinite(value)


def _check_scores(content: bytes) -> None:
    """Raise ValueError for scores of other columns or types, or too many: the file's head counts its rows."""
    from pyarrow import ArrowException, parquet, types  # noqa: PLC0415  # other commands do without it

    kinds: dict[str, Callable[[object], bool]] = {
        "view": types.is_string,
        "clip": types.is_int64,
        "step": types.is_int64,
        "metric": types.is_string,
        "value": types.is_float32,
    }
    try:
        with parquet.ParquetFile(BytesIO(content)) as table:
            rows, schema = table.metadata.num_rows, table.schema_arrow
            _require(rows <= MOST_ROWS, f"its scores have {rows:,} rows; at most {MOST_ROWS:,}")
            _require(schema.names == SCORE_COLUMNS, "its scores have other columns")
            _require(all(kinds[field.name](field.type) for field in schema), "its scores are of another type")
            _require(not schema.metadata, "its scores have metadata")
        # words as a dictionary with indices: a small file may repeat a long word a million times
        with parquet.ParquetFile(BytesIO(content), read_dictionary=["view", "metric"]) as table:
            words = table.read(columns=["view", "metric"])
    except ArrowException as error:
        raise ValueError(str(error)) from error
    for column in words.columns:
        for chunk in column.chunks:
            _require(all(len(word) <= LONGEST_WORD for word in chunk.dictionary.to_pylist()), "its words are too long")


def _check_curve(content: bytes) -> None:
    _require(content.count(b"\n") <= MOST_POINTS, "its loss curve is too long")
    curve = pd.read_csv(BytesIO(content))
    _require(list(curve.columns) == CURVE_COLUMNS, "its loss curve has other columns")
    _require(
        all(pd.api.types.is_numeric_dtype(kind) for kind in curve.dtypes if len(curve)), "its losses are no numbers"
    )


def _check_frames(file: Path) -> None:
    """Raise ValueError for arrays that claim more memory than the frames of a run need, or hold objects."""
    with ZipFile(file) as archive:
        entries = archive.infolist()
        _require(sum(entry.file_size for entry in entries) <= MOST_FRAMES, "its frames are too large")
        for entry in entries:
            with archive.open(entry) as array:
                _require(npy.read_magic(array) == (1, 0), "its frames are no plain arrays")
                shape, _, kind = npy.read_array_header_1_0(array)
                _require(kind in (np.uint8, np.int64), "its frames are no bytes")
                _require(math.prod(shape) * kind.itemsize <= MOST_FRAMES, "its frames are too large")


def _check_example(history: np.ndarray, target: np.ndarray, forecast: np.ndarray, clips: np.ndarray) -> None:
    frames = (history, target, forecast)
    _require(all(array.ndim == FRAME_AXES and array.dtype == np.uint8 for array in frames), "its frames are no frames")
    _require(clips.ndim == CLIP_AXES and clips.dtype == np.int64, "its clips have no numbers")
    sizes = {(len(array), *array.shape[2:]) for array in frames}
    _require(sizes == {(len(clips), *target.shape[2:])} and target.shape == forecast.shape, "its frames do not match")
    _require(0 not in target.shape, "it has no frames")


def _require(condition: bool, reason: str) -> None:  # noqa: FBT001  # reads as an assertion
    if not condition:
        raise ValueError(reason)
