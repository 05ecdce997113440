"""What people's tables hold: states, parents, dictionaries, decimal commas, equal numbers, ids. Read, and said."""

import json

import numpy as np
import pandas as pd
import pytest

from ablate.core.errors import DataError, SpecError
from ablate.inference.factor_levels import numeric_values
from ablate.inference.tables import Columns, read_responses, read_runs

ROWS = [(kernel, norm, seed) for seed in (0, 1, 2) for kernel in (1, 3) for norm in ("none", "batch")]


@pytest.fixture
def runs():
    frame = pd.DataFrame(ROWS, columns=["kernel", "norm", "seed"])
    return frame.assign(ghost=np.arange(len(frame)) / 8)


@pytest.fixture
def read(tmp_path):
    def of(frame, ending=".csv", response="ghost", factors="kernel,norm", block="seed", **options):
        file = tmp_path / f"runs{ending}"
        if ending == ".parquet":
            frame.to_parquet(file)
        else:
            frame.to_csv(file, index=False)
        return read_runs(file, Columns.written(response=response, factors=factors, block=block, **options))

    return of


def note(table, word):
    (sentence,) = [sentence for sentence in table.notes if word in sentence]
    return sentence


# states


@pytest.mark.parametrize(
    ("column", "failed", "finished"),
    [("state", "PRUNED", "COMPLETE"), ("State", "crashed", "finished"), ("status", "FAILED", "FINISHED")],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_a_run_whose_state_is_a_failure_has_no_response(runs, read, column, failed, finished, is_named):
    runs[column] = [failed, failed, *[finished] * 10]
    table = read(runs, outcome=column if is_named else None)
    assert table.defined.tolist() == [False, False] + [True] * 10
    assert set(table.outcome) == {failed, "finished"}
    assert f"2 of 12 rows are no results, whatever number they have as 'ghost': 2 {failed}" in note(table, "no results")


def test_states_are_counted(runs, read):
    runs["state"] = ["PRUNED"] * 2 + ["FAIL"] + ["RUNNING"] + ["COMPLETE"] * 8
    assert "2 PRUNED, 1 FAIL, 1 RUNNING (column 'state'" in note(read(runs), "no results")


def test_the_search_for_states_can_be_switched_off(runs, read):
    table = read(runs.assign(state="PRUNED"), outcome="none")
    assert table.defined.all()
    assert table.notes == ()


def test_a_column_of_another_meaning_is_no_column_of_states(runs, read):
    table = read(runs.assign(state=["Ohio", "Utah"] * 6))
    assert table.defined.all()
    assert table.notes == ()


def test_a_column_in_which_only_some_words_are_states_is_not_read_and_this_is_said(runs, read):
    table = read(runs.assign(state=["walking", "running"] * 6))
    assert table.defined.all()
    assert "column 'state' has running, but also words that are no state" in note(table, "not read")


def test_a_column_that_is_a_factor_is_not_read_for_states(runs, read):
    table = read(runs.assign(state=["failed", "finished"] * 6).drop(columns="norm"), factors="kernel,state")
    assert table.defined.all()


def test_an_unknown_state_leaves_the_number_and_is_named(runs, read):
    table = read(runs.assign(state=["early_stopped", *["finished"] * 11]))
    assert table.defined.all()
    assert "states that are not known: 1 early_stopped" in note(table, "not known")


def test_an_unknown_outcome_says_why_a_run_has_no_response(runs, read):
    runs.loc[0, "ghost"] = np.nan
    assert read(runs.assign(why="gave up"), outcome="why").outcome[0] == "gave up"


def test_two_columns_of_states_are_both_read(runs, read):
    runs = runs.assign(state=["FAIL", *["COMPLETE"] * 11], status=["FINISHED", "KILLED", *["FINISHED"] * 10])
    assert read(runs).defined.tolist() == [False, False] + [True] * 10


def test_a_failed_attempt_gives_way_to_the_row_with_the_result(runs, read):
    frame = pd.concat([runs.head(1), runs], ignore_index=True).assign(state=["FAIL", *["COMPLETE"] * 12])
    table = read(frame)
    assert len(table.response) == 12
    assert table.defined.all()
    assert "1 row without a result" in note(table, "another row")


def test_of_several_failed_attempts_one_is_left(runs, read):
    frame = pd.concat([runs.head(1), runs], ignore_index=True).assign(state=["FAIL", "FAIL", *["COMPLETE"] * 11])
    assert read(frame).defined.tolist() == [False] + [True] * 11


def test_a_failed_run_without_levels_is_left_out(runs, read):
    runs = runs.astype({"kernel": object}).assign(state=["FAIL", *["COMPLETE"] * 11])
    runs.loc[0, "kernel"] = None
    table = read(runs)
    assert len(table.response) == 11
    assert "1 row without a result" in note(table, "lack a level")


def test_a_table_without_a_finished_run_names_the_states(runs, read):
    with pytest.raises(DataError, match=r"no row has a finite 'ghost' from a run that finished \(12 FAILED\)"):
        read(runs.assign(status="FAILED"))


# nested runs


def test_parents_of_nested_runs_are_left_out(runs, read):
    names = {"kernel": "params.kernel", "norm": "params.norm", "seed": "params.seed", "ghost": "metrics.ghost"}
    frame = runs.rename(columns=names).assign(run_id=[f"r{i}" for i in range(12)])
    frame["tags.mlflow.parentRunId"] = "parent"
    frame = pd.concat([pd.DataFrame([{"run_id": "parent", "metrics.ghost": 9.0}]), frame], ignore_index=True)
    table = read(frame)
    np.testing.assert_array_equal(table.response, runs["ghost"])
    assert "1 row of parents" in note(table, "parents")


# equal numbers


def test_equal_numbers_and_truth_values_are_one_level_in_their_shortest_spelling(runs, read):
    runs["kernel"] = ["1.0", "1", "3", "3e0", "1e0", "1.00", "3.0", "+3", "1", "1", "3", "3"]
    runs["norm"] = ["True", "false", "true", "FALSE"] * 3
    table = read(runs)
    assert [factor.levels for factor in table.factors] == [("1", "3"), ("False", "True")] or [
        factor.levels for factor in table.factors
    ] == [("1", "3"), ("FALSE", "True")]
    assert "'1', '1.0', '1.00', '1e0' count as \"1\"" in note(table, "'kernel'")


def test_blocks_with_equal_numbers_are_one_block(runs, read):
    runs["seed"] = ["0", "0.0", "0", "0", "1", "1", "1.0", "1", "2", "2", "2", "2"]
    assert read(runs).blocks == ("0", "1", "2")


def test_large_whole_numbers_that_differ_in_the_last_digit_are_two_levels(runs, read):
    runs["kernel"] = ["9007199254740992", "9007199254740993"] * 6
    runs["norm"] = ["a", "a", "b", "b"] * 3
    assert len(read(runs).factors[0].levels) == 2


def test_words_that_differ_in_case_are_two_levels(runs, read):
    assert read(runs.assign(norm=["None", "none"] * 6)).factors[1].levels == ("None", "none")


def test_an_order_and_a_baseline_may_use_any_spelling(runs, read):
    table = read(runs, order="kernel=3.0<1e0", baseline="kernel=1.0")
    assert table.factors[0].levels == ("3", "1")
    assert table.factors[0].baseline == "1"


# short names


@pytest.mark.parametrize("prefixes", [("params_", "user_attrs_"), ("params.", "tags."), ("config/", "config/")])
def test_names_are_found_behind_the_prefixes_of_exports(runs, read, prefixes):
    first, second = prefixes
    frame = runs.rename(columns={"kernel": f"{first}kernel", "norm": f"{first}norm", "seed": f"{second}seed"})
    assert [factor.path for factor in read(frame).factors] == ["kernel", "norm"]


def test_a_name_that_fits_two_columns_is_refused_with_both(runs, read):
    frame = runs.rename(columns={"kernel": "params_kernel"}).assign(user_attrs_kernel=1)
    with pytest.raises(DataError, match="'kernel' can be 'params_kernel' or 'user_attrs_kernel'"):
        read(frame)


# dictionaries


def as_dictionaries(runs, write):
    config = [write({"kernel": int(k), "model": {"norm": n}, "seed": int(s)}) for k, n, s in ROWS]
    return pd.DataFrame(
        {"summary": [write({"ghost": float(g)}) for g in runs["ghost"]], "config": config, "name": "run"}
    )


@pytest.mark.parametrize("write", [str, json.dumps], ids=["python", "json"])
def test_dictionaries_of_wandb_are_read(runs, read, write):
    table = read(as_dictionaries(runs, write), factors="kernel,model.norm")
    np.testing.assert_array_equal(table.response, runs["ghost"])
    assert [factor.levels for factor in table.factors] == [("1", "3"), ("batch", "none")]


def test_structs_of_parquet_are_read(runs, read):
    frame = pd.DataFrame(
        {
            "config": [{"kernel": k, "norm": n, "seed": s} for k, n, s in ROWS],
            "summary": [{"ghost": g} for g in runs["ghost"]],
        }
    )
    np.testing.assert_array_equal(read(frame, ".parquet").response, runs["ghost"])


@pytest.mark.parametrize("value", ["nan", "None", "inf", "float('nan')"])
def test_a_value_that_is_not_finite_is_no_response(runs, read, value):
    frame = as_dictionaries(runs, str)
    frame.loc[0, "summary"] = f"{{'ghost': {value}}}"
    if "float" in value:
        with pytest.raises(DataError, match="row 2 has no dictionary as 'summary'"):
            read(frame, factors="kernel,model.norm")
    else:
        assert read(frame, factors="kernel,model.norm").defined.tolist() == [False] + [True] * 11


def test_numbers_as_numpy_writes_them_are_read(runs, read):
    frame = as_dictionaries(runs, str)
    frame["summary"] = [f"{{'ghost': np.float64({ghost})}}" for ghost in runs["ghost"]]
    np.testing.assert_array_equal(read(frame, factors="kernel,model.norm").response, runs["ghost"])


def test_a_configuration_file_of_wandb_has_its_values_one_deeper(runs, read):
    config = [
        json.dumps({k: {"desc": None, "value": v} for k, v in zip(("kernel", "norm", "seed"), row, strict=True)})
        for row in ROWS
    ]
    table = read(runs[["ghost"]].assign(config=config))
    assert [factor.levels for factor in table.factors] == [("1", "3"), ("batch", "none")]


def test_a_key_of_two_dictionaries_is_refused_with_both(runs, read):
    frame = as_dictionaries(runs, json.dumps)
    frame["summary"] = [json.dumps({"ghost": g, "kernel": 1}) for g in runs["ghost"]]
    with pytest.raises(DataError, match=r"'kernel' can be 'summary.kernel' or 'config.kernel'"):
        read(frame, factors="kernel,model.norm")
    assert read(frame, factors="config.kernel,model.norm").factors[0].path == "config.kernel"


def test_a_missing_key_is_refused_with_the_keys(runs, read):
    with pytest.raises(DataError, match=r"no column 'kernle' .*config\.kernel"):
        read(as_dictionaries(runs, str), factors="kernle")


def test_code_in_a_dictionary_does_not_run(runs, read, tmp_path):
    frame = as_dictionaries(runs, str)
    frame.loc[0, "config"] = f"{{'kernel': open({str(tmp_path / 'made')!r}, 'w'), 'seed': 0}}"
    with pytest.raises(DataError, match="row 2 has no dictionary as 'config'"):
        read(frame, factors="kernel")
    assert not (tmp_path / "made").exists()


# lists and decimal commas


def test_lists_of_parquet_are_levels_as_csv_writes_them(runs, read):
    frame = runs.assign(kernel=[[int(k), int(k)] for k in runs["kernel"]])
    assert read(frame, ".parquet").factors[0].levels == read(frame).factors[0].levels == ("[1, 1]", "[3, 3]")


def test_decimal_commas_are_read_and_said(runs, tmp_path):
    runs.assign(kernel=runs["kernel"] / 10).to_csv(tmp_path / "runs.csv", sep=";", decimal=",", index=False)
    table = read_runs(tmp_path / "runs.csv", Columns("ghost", ("kernel", "norm"), "seed"))
    np.testing.assert_array_equal(table.response, runs["ghost"])
    assert table.factors[0].levels == ("0.1", "0.3")
    assert "decimal commas" in note(table, "comma")


def test_lists_of_sizes_are_no_decimal_commas(runs, read):
    assert read(runs.assign(kernel=["1,3", "3,5"] * 6, norm=["a", "a", "b", "b"] * 3)).factors[0].levels == (
        "1,3",
        "3,5",
    )


def test_a_comma_that_may_separate_thousands_is_refused(runs, read):
    with pytest.raises(DataError, match=r"'1,234' can be 1\.234 or 1234"):
        read(runs.assign(ghost=["1,234", "2,345"] * 6))


def test_a_number_with_both_separators_is_a_decimal_comma(runs, read):
    assert read(runs.assign(ghost=["1.234,5", "0,5"] * 6)).response[:2].tolist() == [1234.5, 0.5]


# ids and numbers


@pytest.mark.parametrize("rows", [12, 120])
def test_a_factor_with_a_level_for_each_row_is_refused_with_advice(rows, read):
    frame = pd.DataFrame({"lr": np.linspace(0.1, 1, rows), "norm": ["a", "b"] * (rows // 2), "seed": 0, "ghost": 1.0})
    with pytest.raises(DataError, match=rf"'lr' has {rows} levels in {rows} rows.*--numeric lr"):
        read(frame, factors="lr,norm")


def test_words_with_too_many_levels_are_refused_without_that_advice(read):
    frame = pd.DataFrame({"name": [f"run{i // 2}" for i in range(202)], "seed": [0, 1] * 101, "ghost": 1.0})
    with pytest.raises(DataError, match=r"'name' has 101 levels in 202 rows: this looks like an id or a text"):
        read(frame, factors="name")


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.001, 0.1, 1], [-3, -1, 0]), ([1, 2, 9], [1, 2, 9]), ([0, 1, 100], [0, 1, 100])],
)
def test_a_numeric_factor_is_on_a_log_scale_where_it_spans_a_decade(read, values, expected):
    frame = pd.DataFrame({"lr": values * 4, "seed": np.arange(12), "ghost": 1.0})
    table = read(frame, factors="lr", numeric="lr", block="none")
    np.testing.assert_allclose(numeric_values(table.factors[0]), expected, atol=1e-12)


def test_the_scale_of_a_numeric_factor_can_be_named(read):
    frame = pd.DataFrame({"lr": [1, 10, 100] * 4, "seed": np.arange(12), "ghost": 1.0})
    table = read(frame, factors="lr", numeric="lr=linear", block="none")
    assert numeric_values(table.factors[0]).tolist() == [1, 10, 100]
    with pytest.raises(DataError, match="'lr' has the value 0; a log scale needs positive values"):
        read(frame.replace({"lr": {1: 0}}), factors="lr", numeric="lr=log", block="none")


def test_a_numeric_factor_may_have_any_number_of_levels_with_short_names(read):
    values = 10 ** np.random.default_rng(0).uniform(-5, -1, 300)
    frame = pd.DataFrame({"lr": values, "ghost": 1.0})
    factor = read(frame, factors="lr", numeric="lr", block="none").factors[0]
    np.testing.assert_allclose(numeric_values(factor), np.log10(np.sort(values)), atol=1e-5)
    assert max(map(len, factor.levels)) <= 11
    assert factor.baseline == factor.levels[0]


def test_numbers_that_differ_late_keep_their_digits(read):
    frame = pd.DataFrame({"time": [1.7e9, 1.7e9 + 1, 1.7e9 + 5] * 2, "ghost": 1.0})
    factor = read(frame, factors="time", numeric="time", block="none").factors[0]
    assert numeric_values(factor).tolist() == [1.7e9, 1.7e9 + 1, 1.7e9 + 5]


def test_words_in_a_numeric_factor_are_refused_with_their_rows(runs, read):
    frame = runs.astype({"kernel": object})
    frame.loc[[1, 4], "kernel"] = ["big", "inf"]
    with pytest.raises(DataError, match="row 3 has 'big', row 6 has 'inf'"):
        read(frame, numeric="kernel")


# blocks


def test_without_a_block_every_row_is_one(runs, read):
    table = read(pd.concat([runs, runs]), block="none")
    assert table.blocks == tuple(str(line) for line in range(2, 26))
    assert table.block.tolist() == list(range(24))


def test_a_missing_choice_of_the_block_is_explained_with_the_columns_that_look_like_a_seed(runs, read):
    with pytest.raises(SpecError, match=r"--block is missing; the table has 'seed'; .* --block seed.*--block none"):
        read(runs, block=None)


def test_a_constant_block_is_read(runs, read):
    assert read(runs.head(4)).blocks == ("0",)


# several responses


def test_each_response_has_its_own_table_of_the_same_runs(runs, tmp_path):
    runs = runs.assign(mse=np.arange(12.0)[::-1], state=["FAIL", *["COMPLETE"] * 11])
    runs.loc[3, "mse"] = np.nan
    runs.to_csv(tmp_path / "runs.csv", index=False)
    columns = Columns.written(response="ghost,mse", factors="kernel,norm", block="seed")
    first, second = read_responses(tmp_path / "runs.csv", columns)
    np.testing.assert_array_equal(first.response, [np.nan, *runs["ghost"][1:]])
    np.testing.assert_array_equal(second.response, [np.nan, *runs["mse"][1:]])
    assert (first.levels == second.levels).all()
