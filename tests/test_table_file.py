"""Anybody's table of runs is read as it is written, or refused in one line that says what to do."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ablate.core.errors import AblateError, DataError, SpecError
from ablate.inference.tables import Columns, csv_file, read_runs

HEADER = "kernel,norm,seed,ghost\n"
RUNS = HEADER + "1,none,0,0.5\n10,none,0,0.4\n3,none,0,0.3\n1,batch,1,0.2\n10,batch,1,0.1\n"


@pytest.fixture
def table(tmp_path):
    def write(text=RUNS, name="runs.csv", encoding="utf-8", factors="kernel,norm", **options):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return read_runs(file, Columns.written(response="ghost", factors=factors, block="seed", **options))

    return write


def test_a_row_is_a_run(table):
    runs = table()
    assert runs.response.tolist() == [0.5, 0.4, 0.3, 0.2, 0.1]
    assert [runs.factors[0].levels[at] for at in runs.levels[:, 0]] == ["1", "10", "3", "1", "10"]
    assert [runs.factors[1].levels[at] for at in runs.levels[:, 1]] == ["none"] * 3 + ["batch"] * 2
    assert [runs.blocks[at] for at in runs.block] == ["0", "0", "0", "1", "1"]


def test_levels_that_are_numbers_stand_by_value_and_words_by_name(table):
    runs = table()
    assert runs.factors[0].levels == ("1", "3", "10")
    assert runs.factors[1].levels == ("batch", "none")


def test_blocks_that_are_numbers_stand_by_value(table):
    assert table(HEADER + "1,a,10,1\n2,a,9,1\n1,b,9,1\n").blocks == ("9", "10")


def test_levels_are_named_as_they_are_written(table):
    runs = table(HEADER + "0.10,nan,0,1\n0.5,None,0,1\n1,NA,0,1\n1e1,null,0,1\n1,null,1,1\n")
    assert runs.factors[0].levels == ("0.10", "0.5", "1", "1e1")
    assert runs.factors[1].levels == ("NA", "None", "nan", "null")


def test_the_baseline_is_the_first_level_or_the_named_one(table):
    runs = table(baseline="norm=none")
    assert [factor.baseline for factor in runs.factors] == ["1", "none"]


def test_a_baseline_may_hold_commas(table):
    runs = table(HEADER + '"(1, 1)",a,0,1\n"(3, 3)",b,0,1\n', baseline="kernel=(3, 3),norm=b")
    assert [factor.baseline for factor in runs.factors] == ["(3, 3)", "b"]


def test_levels_of_an_ordered_factor_stand_by_value_or_as_they_appear(table):
    runs = table(HEADER + "10,small,0,1\n9,large,0,1\n10,huge,0,1\n9,huge,0,1\n", order="kernel,norm")
    assert [factor.levels for factor in runs.factors] == [("9", "10"), ("small", "large", "huge")]
    assert all(factor.ordered for factor in runs.factors)


def test_an_order_can_be_given(table):
    runs = table(order="kernel=10<1<3")
    assert runs.factors[0].levels == ("10", "1", "3")
    assert runs.factors[0].baseline == "10"
    assert [factor.ordered for factor in runs.factors] == [True, False]


@pytest.mark.parametrize("written", ["", "nan", "NaN", "inf", "-Infinity", " "])
def test_a_run_without_a_finite_response_is_kept_as_failed(table, written):
    runs = table(RUNS + f"3,batch,1,{written}\n")
    assert runs.defined.tolist() == [True] * 5 + [False]
    assert runs.outcome[-1] == f"undefined: ghost is {written.strip() or 'blank'}"


def test_how_a_run_ended_can_be_a_column(table):
    runs = table("kernel,norm,seed,ghost,Status\n1,a,0,1,FINISHED\n2,b,0,,FAILED\n", outcome="Status")
    assert runs.outcome == ("finished", "FAILED")


def test_other_measures_are_mediators(table):
    runs = table("kernel,norm,seed,ghost,mse\n1,a,0,1,7\n2,b,0,1,\n", mediators="mse")
    np.testing.assert_array_equal(runs.mediators["mse"], [7, np.nan])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_that_of_the_header(table, separator):
    assert len(table(RUNS.replace(",", separator)).response) == 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(table, encoding):
    assert len(table(encoding=encoding).response) == 5


def test_quoted_values_and_windows_line_ends_are_read(table):
    runs = table('kernel,norm,seed,"ghost"\r\n1,"a, ""b""\nc",0,1\r\n2,x,0,2\r\n\r\n')
    assert runs.factors[1].levels == ('a, "b"\nc', "x")


def test_columns_are_found_behind_what_mlflow_and_wandb_put_before_them(table):
    runs = table("run_id,params.kernel,config.norm,tags.seed,metrics.ghost\na,1,x,0,0.5\nb,2,y,0,0.25\n")
    assert [factor.path for factor in runs.factors] == ["kernel", "norm"]
    assert runs.response.tolist() == [0.5, 0.25]


def test_a_column_of_the_very_name_comes_before_one_with_a_prefix(table):
    assert table("kernel,norm,seed,metrics.ghost,ghost\n1,a,0,9,1\n2,b,0,9,2\n").response.tolist() == [1, 2]


def test_parquet_is_read_as_its_values_are_written(tmp_path):
    file = tmp_path / "runs.parquet"
    pd.DataFrame(
        {"kernel": [1, 3, 10, 1], "rate": [0.1, 0.5, 0.1, 0.5], "seed": [0, 0, 1, 1], "ghost": [0.5, np.nan, np.inf, 1]}
    ).to_parquet(file)
    runs = read_runs(file, Columns("ghost", ("kernel", "rate"), "seed"))
    assert [factor.levels for factor in runs.factors] == [("1", "3", "10"), ("0.1", "0.5")]
    assert runs.defined.tolist() == [True, False, False, True]


def test_repeats_within_a_block_can_be_averaged(table):
    runs = table(RUNS + "1,none,0,0.7\n1,batch,1,\n", average=True)
    np.testing.assert_allclose(runs.response, [0.6, 0.4, 0.3, 0.2, 0.1])


def test_repeats_within_a_block_are_refused(table):
    with pytest.raises(DataError, match=r"2 rows repeat .* first row 7 \(kernel 1, norm none, block 0\).*--average"):
        table(RUNS + "1,none,0,0.7\n1,batch,1,\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (HEADER, "has no rows"),
        (HEADER + "1,a,0,1\n", "one row"),
        (HEADER.replace("ghost", "ghots") + "1,a,0,1\n2,b,0,1\n", r"no column 'ghost' \(did you mean 'ghots'\?\)"),
        ("kernel," + RUNS.replace("\n", "\n1,"), "2 columns 'kernel'"),
        (RUNS + "1,none,2\n", r"row 7 has 3 values; must have 4"),
        (RUNS + "1,none,2,3,4\n", r"row 7 has 5 values; must have 4"),
        (RUNS + "1,,2,3\n", "row 7 has no 'norm'"),
        (RUNS + "1,none,,3\n", "row 7 has no 'seed'"),
        (RUNS + '1,none,2,"0,5"\n', "row 7 has '0,5' as 'ghost'; must be a number"),
        (RUNS + "1,none,2,1_000\n", "row 7 has '1_000'"),
        (HEADER + "1,none,0,1\n2,none,0,1\n", "factor 'norm' is 'none' in every row"),
        (RUNS + '1,"none,2,3\n', "cannot be read"),
        (RUNS.encode("utf-16"), "not in UTF-8"),
        (b"\xff" + RUNS.encode(), "not in UTF-8"),
        (HEADER + "1,a,0,\n2,b,0,nan\n", "no row has a finite 'ghost'"),
        (HEADER + "1" * 1_000_001, "line of more than"),
    ],
)
def test_what_is_no_table_of_runs_is_refused(table, text, words):
    with pytest.raises(DataError, match=words) as caught:
        table(text)
    assert "runs.csv" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"baseline": "norm=nome"}, r"no level 'nome' \(did you mean 'none'\?\); its levels: batch, none"),
        ({"order": "kernel=1<3<5"}, "no level '5'"),
        ({"order": "kernel=1<3"}, "has a level '10' too"),
    ],
)
def test_levels_that_the_table_lacks_are_refused(table, options, words):
    with pytest.raises(DataError, match=words):
        table(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"factors": " , "}, "--factors: name at least one"),
        ({"factors": "kernel,kernel"}, "'kernel' is named by --factors too"),
        ({"factors": "kernel,seed"}, "--block: column 'seed' is named by --factors too"),
        ({"factors": "kernel,ghost"}, "--response: column 'ghost' is named by --factors too"),
        ({"mediators": "ghost"}, "--mediator: column 'ghost' is named by --response too"),
        ({"order": "size"}, "--order: 'size' is no factor; --factors names kernel, norm"),
        ({"order": "kernel=1<1"}, "twice"),
        ({"baseline": "size=1"}, "--baseline: 'size' is no factor"),
        ({"baseline": "kernel"}, "write factor=level"),
    ],
)
def test_columns_that_contradict_each_other_are_refused(table, options, words):
    with pytest.raises(SpecError, match=words) as caught:
        table(**options)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("name", ["runs.xlsx", "runs", "runs.csv.gz"])
def test_other_kinds_of_file_are_refused(table, name):
    with pytest.raises(DataError, match="must be a table that ends in"):
        table(name=name)


def test_a_file_that_only_ends_like_parquet_is_refused(table):
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        table(name="runs.parquet")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    columns = Columns("ghost", ("kernel",), "seed")
    with pytest.raises(DataError, match="no such file"):
        read_runs(tmp_path / "nowhere.csv", columns)
    with pytest.raises(DataError, match="not a file"):
        read_runs(tmp_path, columns)


def test_a_table_of_too_many_rows_is_refused_before_it_fills_the_memory(table, monkeypatch):
    monkeypatch.setattr(csv_file, "MOST_ROWS", 4)
    with pytest.raises(DataError, match="more than 4 rows"):
        table()


def test_a_long_list_of_columns_is_cut_in_the_message(table):
    with pytest.raises(DataError, match=r"c19 and 80 more$"):
        table(",".join(f"c{i}" for i in range(100)) + "\n")


CELLS = st.sampled_from(["1", "0.5", "", "nan", "inf", "a", '"', "\x00", "1e999", "\u0661", "\ud7ff", " ", "-", "1_0"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=5).map(",".join), max_size=6), tail=st.binary(max_size=5))
def test_any_text_is_read_or_refused(table, rows, tail):
    with suppress(AblateError):
        runs = table((HEADER + "\n".join(rows)).encode() + tail)
        assert runs.levels.shape == (len(runs.response), 2)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
@pytest.mark.parametrize("name", ["runs.csv", "runs.parquet"])
def test_any_bytes_are_refused(table, name, content):
    with pytest.raises(AblateError):
        table(content, name=name)
