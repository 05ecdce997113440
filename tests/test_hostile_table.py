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
from ablate.inference.tables.testable import untestable_factors
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


def table_of(config):
    """Return a table whose factor is in a column of dictionaries."""
    quoted = config.replace('"', '""')
    return ("seed,ghost,config\n" + f'0,1,"{quoted}"\n1,2,"{quoted}"\n').encode()


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
    "long lists.parquet": as_parquet(runs(kernel=[list(range(5_000))] * 12)),
    "many items.parquet": as_parquet(
        pa.table({"kernel": [[1] * 110] * 100_000, "seed": [1] * 100_000, "ghost": [1] * 100_000})
    ),
    "deep.csv": table_of(config="[" * 50_000),
    "deep literal.csv": table_of(config="{'a':" * 20_000),
    "signs.csv": table_of(config="{'kernel': " + "-" * 50_000 + "1}"),
    "call.csv": table_of(config="{'kernel': __import__('os').system('touch called')}"),
    "long literal.csv": table_of(config="{'kernel': '" + "x" * 200_000 + "'}"),
    "no dictionary.csv": table_of(config="{kernel: 1}"),
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
    kernel = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 2_500, pa.int32()), words)
    table = pa.table({"kernel": kernel, "seed": range(5_000), "ghost": [0.5] * 5_000})
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


WANDB = pd.DataFrame(
    {"config": [f"{{'kernel': {kernel}}}" for kernel in (1, 3) * 6], "seed": list(range(6)) * 2, "ghost": 0.5}
)
STATES = ("state," + TABLE.replace("\n", "\nFAIL,").removesuffix("FAIL,")).encode()
COMMAS = TABLE.replace(",", ";").replace(".", ",").encode()
STRUCTS = as_parquet(
    pa.table({"config": [{"kernel": k, "more": [k]} for k in (1, 3, 1, 3)], "seed": [0, 0, 1, 1], "ghost": [1.0] * 4})
)
CONTENTS = st.sampled_from(
    [(WANDB.to_csv().encode(), ".csv"), (STATES, ".csv"), (COMMAS, ".csv"), (STRUCTS, ".parquet")]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ALSO = Columns(response="ghost", factors=("kernel",), block="none", numeric={"kernel": None})


@GENTLY
@given(CONTENTS.flatmap(lambda content: st.tuples(mutated(content[0]), st.just(content[1]))))
@pytest.mark.parametrize("columns", [COLUMNS, ALSO], ids=["factor", "numeric"])
def test_states_dictionaries_and_decimal_commas_of_any_bytes_are_read_or_refused(tmp_path, columns, content):
    file = tmp_path / f"runs{content[1]}"
    file.write_bytes(content[0])
    with contextlib.suppress(AblateError):
        untestable_factors(file, read_runs(file, columns), columns)


@GENTLY
@given(st.text(max_size=60))
def test_any_text_of_an_option_is_read_or_refused(text):
    for option in ("response", "factors", "block", "order", "baseline", "mediators", "outcome", "numeric"):
        with contextlib.suppress(AblateError):
            Columns.written(**{"response": "y", "factors": "a,b", "block": "s", option: text})


@GENTLY
@given(VALUES)
def test_any_value_in_a_dictionary_is_read_or_refused(tmp_path, value):
    file = tmp_path / "runs.csv"
    pd.DataFrame({"config": [str({"kernel": value}), str({"kernel": 1})] * 3, "seed": range(6), "ghost": 1.0}).to_csv(
        file
    )
    with contextlib.suppress(AblateError):
        read_runs(file, COLUMNS)


def test_control_characters_of_a_level_are_written_out(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text(TABLE.replace("\n3,", "\n\x1b[2J,"))
    assert r"\x1b[2J" in read_runs(file, COLUMNS).factors[0].levels
