"""A table of runs from anybody, to `ablate analyze`: read, or refused in words, within bounded memory."""

import contextlib
import io

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from ablate.core.errors import AblateError
from ablate.inference.tables import Columns, read_runs
from tests.contained import ablate, assert_refused
from tests.mutation import GENTLY, mutated

OPTIONS = ["--response", "ghost", "--factors", "kernel", "--block", "seed"]
COLUMNS = Columns(response="ghost", factors=("kernel",), block="seed")
TABLE = "kernel,seed,ghost\n" + "".join(f"{k},{s},0.{k}{s}\n" for k in (1, 3) for s in range(6))


def as_parquet(table, **options):
    file = io.BytesIO()
    parquet.write_table(table, file, **options)
    return file.getvalue()


def runs(**columns):
    return pa.table(pd.read_csv(io.StringIO(TABLE)).to_dict("list") | columns)


FILES = {
    "long line.csv": ("kernel,seed,ghost\n" + "9" * 5_000_000).encode(),
    "open quote.csv": b'kernel,seed,ghost\n"' + b"1,\n" * 500_000,
    "rows.csv": b"kernel,seed,ghost\n" + b"1,1,1\n" * 1_000_001,
    "columns.csv": b"x," * 400_000 + b"kernel\n",
    "nul.csv": b"kernel,seed,ghost\n1,\0,1\n",
    "bytes.csv": bytes(range(256)) * 100,
    "nothing.csv": b"",
    "nothing.parquet": b"",
    "no.parquet": b"PAR1" + b"\xff" * 200 + b"PAR1",
    "lists.parquet": as_parquet(runs(kernel=[[1]] * 12)),
    "bytes.parquet": as_parquet(runs(kernel=pa.array([b"1"] * 12))),
    "rows.parquet": as_parquet(pa.table({name: [1] * 1_000_001 for name in ("kernel", "seed", "ghost")})),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_table_of_runs_is_refused_within_bounded_memory(tmp_path, name):
    here = tmp_path / "here"
    here.mkdir()
    (here / name).write_bytes(FILES[name])
    assert_refused("analyze", name, *OPTIONS, "--html", "a.html", cwd=here)


def test_a_small_file_that_repeats_long_words_takes_little_memory(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    words = pa.array(["x" * 1_000_000, "y" * 1_000_000])
    kernel = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 10_000, pa.int32()), words)
    table = pa.table({"kernel": kernel, "seed": range(20_000), "ghost": [0.5] * 20_000})
    content = as_parquet(table, store_schema=False)
    assert len(content) < 3_000_000
    (here / "runs.parquet").write_bytes(content)
    assert "MemoryError" not in ablate("analyze", "runs.parquet", *OPTIONS, cwd=here, megabytes=1_000).stderr
    read = read_runs(here / "runs.parquet", COLUMNS)
    assert [len(level) for level in read.factors[0].levels] == [1_000_000, 1_000_000]


@GENTLY
@given(st.sampled_from([TABLE.encode(), as_parquet(runs())]).flatmap(mutated), st.sampled_from([".csv", ".parquet"]))
def test_a_table_of_any_bytes_is_read_or_refused(tmp_path, content, ending):
    file = tmp_path / f"runs{ending}"
    file.write_bytes(content)
    with contextlib.suppress(AblateError):
        read_runs(file, COLUMNS)


def test_control_characters_of_a_level_are_written_out(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text(TABLE.replace("\n3,", "\n\x1b[2J,"))
    assert r"\x1b[2J" in read_runs(file, COLUMNS).factors[0].levels
