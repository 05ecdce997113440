"""Reduced records: what a bundle holds of a run's record.

A reduced record has the record.json of the whole record, unchanged, so its facts and its digest are those of the
machine that trained the run. scores.parquet holds the scores of some metrics alone, and reduced.json the digest of that
file. Frames and checkpoint may be left out.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from io import BytesIO

import pandas as pd

from ablate.storage.paths import RunPaths

FORMAT = 1
LEVEL = 19  # of zstd: files are written once and sent over networks
LONGEST_REDUCTION = 10_000  # bytes of reduced.json: it names one file


def reduced_scores(scores: pd.DataFrame, metrics: Collection[str]) -> bytes:
    """Return the rows of some metrics as Parquet, the values as float32; equal scores give equal bytes.

    `scores` has the columns of records.SCORE_COLUMNS. The order of the rows stays, and so do all sums over them.
    """
    import pyarrow as pa  # noqa: PLC0415  # records are read without it
    from pyarrow import parquet  # noqa: PLC0415  # as above

    rows = scores[scores["metric"].isin(metrics)].astype({"value": "float32"})
    types = [
        ("view", pa.string()),
        ("clip", pa.int64()),
        ("step", pa.int64()),
        ("metric", pa.string()),
        ("value", pa.float32()),
    ]
    table = pa.Table.from_pandas(rows, pa.schema(types), preserve_index=False).replace_schema_metadata(None)
    file = BytesIO()
    parquet.write_table(
        table,
        file,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=["view", "clip", "step", "metric"],
        use_byte_stream_split=["value"],
    )
    return file.getvalue()


def reduction_text(scores: bytes) -> str:
    """Return the content of reduced.json for the reduced scores."""
    digests = {"scores.parquet": hashlib.sha256(scores).hexdigest()}
    return json.dumps({"format": FORMAT, "files": digests}, indent=1) + "\n"


def reduced_digests(paths: RunPaths) -> Mapping[str, str] | None:
    """Return the digests of the files that replace those of the whole record; None for a whole record.

    Raises ValueError where reduced.json is damaged, or of a newer format.
    """
    if not paths.reduction.exists():
        return None
    content = paths.reduction.read_bytes()
    if len(content) > LONGEST_REDUCTION:
        raise ValueError(f"{paths.reduction.name} has {len(content)} bytes")
    tree = json.loads(content)
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise ValueError(f"{paths.reduction.name} is not of format {FORMAT}")
    files = tree.get("files")
    if (
        not isinstance(files, dict)
        or set(files) != {paths.scores.name}
        or not isinstance(files[paths.scores.name], str)
    ):
        raise ValueError(f"{paths.reduction.name} holds no digest of {paths.scores.name}")
    return files
