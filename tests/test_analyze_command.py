"""`ablate analyze`, from its arguments to its exit code."""

import json
import subprocess
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from ablate.cli import app
from ablate.core.errors import DataError, SpecError

COLUMNS = ["--response", "ghost_ratio", "--factors", "kernel,activation,norm", "--block", "seed"]
SEEDS = 12


def analyze(*arguments):
    return CliRunner().invoke(app, ["analyze", *map(str, arguments)], env={"COLUMNS": "160"})


@pytest.fixture(scope="module")
def runs():
    """Return runs in which norm is a cause, kernel acts only with activation, in opposite directions."""
    generator = np.random.default_rng(5)
    rows = pd.DataFrame(
        list(product(["1", "3", "5"], ["relu", "tanh"], ["none", "batch"], range(SEEDS))),
        columns=["kernel", "activation", "norm", "seed"],
    )
    opposite = np.where(rows["activation"] == "relu", 1, -1) * rows["kernel"].map({"1": -1, "3": 0, "5": 1})
    rows["ghost_ratio"] = 0.5 + 0.2 * (rows["norm"] == "batch") + 0.1 * opposite + generator.normal(0, 0.02, len(rows))
    rows["mse"] = 40 + generator.normal(0, 1, len(rows))
    return rows


@pytest.fixture(scope="module")
def table(runs, tmp_path_factory):
    file = tmp_path_factory.mktemp("runs") / "runs.csv"
    runs.to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def found(table, tmp_path_factory):
    """Return what the command of the issue says, and what it writes."""
    folder = tmp_path_factory.mktemp("found")
    done = analyze(
        table, *COLUMNS, "--order", "kernel", "--margin", 0.02, "--alpha", 0.05, "--mediator", "mse",
        "--baseline", "kernel=1,activation=relu", "--json", folder / "out.json",
    )  # fmt: skip
    assert done.exception is None, done.exception
    return done.output, json.loads((folder / "out.json").read_text())


def test_verdicts_are_those_that_were_planted(found):
    _, document = found
    verdicts = {own["factor"]: (own["verdict"], own["with"]) for own in document["verdicts"]}
    assert verdicts == {
        "kernel": ("acts only with", ["activation"]),
        "activation": ("acts only with", ["kernel"]),
        "norm": ("cause", []),
    }


def test_verdicts_are_told_with_what_they_rest_on(found):
    output, _ = found
    assert "acts only with activation" in output
    for sentence in ("norm is a cause: ", "kernel acts only with activation", "activation acts only with kernel"):
        assert any(line.startswith(sentence) for line in output.splitlines())


def test_the_json_has_the_promised_keys(found):
    _, document = found
    assert set(document) >= {
        "verdicts", "interactions", "importance", "variance", "missing_cells", "failed", "warnings",
    }  # fmt: skip
    for verdict in document["verdicts"]:
        assert set(verdict) >= {"factor", "verdict", "with", "effects", "more_seeds_needed"}
        for effect in verdict["effects"]:
            assert set(effect) >= {
                "contrast", "estimate", "low", "high", "p", "p_adjusted", "n_blocks", "n_runs", "standardized",
                "prob_improvement",
            }  # fmt: skip
    for pair in document["interactions"]:
        assert set(pair) >= {"factors", "p", "p_adjusted", "partial_eta_sq", "simple_effects"}
    for importance in document["importance"]:
        assert set(importance) >= {"factor", "shapley", "low", "high", "null_high"}
    assert set(document["variance"]) >= {"factors", "interactions", "seed", "residual"}


def test_effects_are_against_the_named_baseline(found):
    _, document = found
    contrasts = {own["factor"]: [effect["contrast"] for effect in own["effects"]] for own in document["verdicts"]}
    assert contrasts["kernel"][:2] == ["3 - 1", "5 - 1"]
    assert contrasts["activation"] == ["tanh - relu"]
    assert contrasts["norm"] == ["none - batch"]


def test_estimates_are_differences_of_means(found, runs):
    effect = found[1]["verdicts"][2]["effects"][0]
    means = runs.groupby("norm")["ghost_ratio"].mean()
    assert effect["estimate"] == pytest.approx(means["none"] - means["batch"])
    assert (effect["n_blocks"], effect["n_runs"]) == (SEEDS, len(runs))


def test_the_order_of_rows_changes_nothing(runs, tmp_path):
    written = []
    for number, rows in enumerate([runs, runs.sample(frac=1, random_state=1)]):
        rows.to_csv(tmp_path / "runs.csv", index=False)
        assert analyze(tmp_path / "runs.csv", *COLUMNS, "--json", tmp_path / f"{number}.json").exit_code == 0
        written.append(json.loads((tmp_path / f"{number}.json").read_text()))
    for first, second in zip(*(own["verdicts"] for own in written), strict=True):
        assert (first["verdict"], first["p"]) == (second["verdict"], second["p"])


def test_parquet_gives_the_same_as_csv(runs, table, tmp_path):
    runs.to_parquet(tmp_path / "runs.parquet")
    for file in (table, tmp_path / "runs.parquet"):
        assert analyze(file, *COLUMNS, "--json", tmp_path / f"{file.suffix}.json").exit_code == 0
    assert (tmp_path / ".csv.json").read_text() == (tmp_path / ".parquet.json").read_text()


def test_failed_runs_are_told(runs, tmp_path):
    rows = runs.assign(ghost_ratio=runs["ghost_ratio"].where(runs.index != 7))
    rows.to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", *COLUMNS, "--json", tmp_path / "out.json")
    (failed,) = json.loads((tmp_path / "out.json").read_text())["failed"]
    assert failed["levels"] == {"kernel": "1", "activation": "relu", "norm": "none"}
    assert failed["block"] == "7"
    assert "failed: kernel 1, activation relu, norm none, block 7: undefined: ghost_ratio is blank" in done.output


def test_an_unmeasurable_run_counts_as_lost_by_its_response_whatever_its_number(runs, tmp_path):
    is_lost = runs.index % 8 == 7
    states = runs.assign(outcome="finished").assign(outcome=lambda rows: rows["outcome"].mask(is_lost, "unmeasurable"))
    states.assign(ghost_ratio=runs["ghost_ratio"].mask(is_lost, -9.0)).to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", *COLUMNS, "--json", tmp_path / "out.json")
    assert f"runs were lost because of their response ({is_lost.sum()} unmeasurable)" in " ".join(done.output.split())
    document = json.loads((tmp_path / "out.json").read_text())
    assert {run["outcome"] for run in document["failed"]} == {"unmeasurable"}
    assert len(document["failed"]) == is_lost.sum()
    states.assign(ghost_ratio=runs["ghost_ratio"].mask(is_lost)).to_csv(tmp_path / "runs.csv", index=False)
    analyze(tmp_path / "runs.csv", *COLUMNS, "--json", tmp_path / "blank.json")
    assert json.loads((tmp_path / "blank.json").read_text())["verdicts"] == document["verdicts"]


def test_the_page_tells_what_the_console_tells(table, tmp_path, read_page):
    assert analyze(table, *COLUMNS, "--baseline", "activation=relu", "--html", tmp_path / "out.html").exit_code == 0
    page = read_page((tmp_path / "out.html").read_text())
    page.assert_readable()
    assert 'norm is a cause: "none" instead of "batch" lowers the ghost_ratio' in page.text


def test_the_removed_importances_are_a_warning_and_no_error(table):
    done = analyze(table, *COLUMNS, "--importances")
    assert done.exit_code == 0
    (warning,) = [line for line in done.stderr.splitlines() if "--importances" in line]
    assert "Optuna dashboard" in warning


def test_pairs_can_be_chosen(table, tmp_path):
    for chosen, pairs in (("none", []), ("norm:kernel", [["kernel", "norm"]])):
        done = analyze(table, *COLUMNS, "--interactions", chosen, "--json", tmp_path / "out.json")
        assert done.exit_code == 0
        tested = json.loads((tmp_path / "out.json").read_text())["interactions"]
        assert [sorted(own["factors"]) for own in tested] == pairs


def test_one_seed_leaves_everything_undecided_and_is_no_error(runs, tmp_path):
    runs[runs["seed"] == 0].to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", *COLUMNS, "--json", tmp_path / "out.json")
    assert done.exit_code == 0
    assert {own["verdict"] for own in json.loads((tmp_path / "out.json").read_text())["verdicts"]} == {"undecided"}
    assert "warning: " in done.output


def test_no_response_at_all_is_told_in_one_line(runs, tmp_path):
    runs.assign(ghost_ratio=np.nan).to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", *COLUMNS)
    assert isinstance(done.exception, DataError)
    assert "'ghost_ratio'" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--alpha", "1.5"], "--alpha: found 1.5"),
        (["--margin", "0"], "--margin: found 0"),
        (["--margin", "nan"], "--margin: found nan"),
        (["--bounds", "1"], "--bounds: found '1'"),
        (["--bounds", "1,0"], "--bounds: found '1,0'"),
        (["--bounds", "0,0.5"], "--bounds: the responses lie from"),
        (["--interactions", "kernel"], "found 'kernel'; write all, none, or two factors"),
        (["--interactions", "kernel:nrom"], r"'nrom' is no factor \(did you mean 'norm'\?\)"),
        (["--interactions", "kernel:norm,norm:kernel"], "is listed twice"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table, arguments, words):
    done = analyze(table, *COLUMNS, *arguments)
    assert isinstance(done.exception, SpecError)
    with pytest.raises(SpecError, match=words):
        raise done.exception


def test_a_wrong_table_is_one_line_and_exit_code_2(table, tmp_path):
    command = [sys.executable, "-c", "from ablate.cli import main; main()", "analyze", table]
    columns = ["--response", "ghost", "--factors", "kernel", "--block", "seed"]
    done = subprocess.run([*command, *columns], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no column 'ghost'" in done.stderr


def test_neither_torch_nor_trackers_are_loaded(table, tmp_path):
    heavy = "{'torch', 'mlflow', 'optuna', 'matplotlib'}"
    code = (
        f"import sys; from ablate.cli import main; sys.argv[1:] = {['analyze', str(table), *COLUMNS]!r}\n"
        f"try: main()\nfinally: print('loaded', sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "loaded []" in done.stdout
    assert done.returncode == 0


def test_the_console_shows_a_row_for_each_tested_pair_and_names_those_that_cannot_be_decided(runs, found, tmp_path):
    output, _ = found
    assert any(line.startswith("kernel x activation  interaction") for line in output.splitlines())
    runs[runs["seed"] < 4].to_csv(tmp_path / "runs.csv", index=False)
    few = analyze(tmp_path / "runs.csv", *COLUMNS).output
    assert "cannot decide: kernel x activation, kernel x norm, activation x norm." in few


def test_headings_name_the_adjustment(runs, table, tmp_path):
    assert "p (max-T)" in analyze(table, *COLUMNS).output
    runs[runs["seed"] < 4].to_csv(tmp_path / "runs.csv", index=False)
    assert "p (Holm)" in analyze(tmp_path / "runs.csv", *COLUMNS).output


def test_a_secondary_response_is_described_without_a_verdict(table, tmp_path):
    columns = ["--response", "ghost_ratio,mse", *COLUMNS[2:]]
    done = analyze(table, *columns, "--json", tmp_path / "out.json")
    assert "mse: secondary, described, not judged" in done.output
    (secondary,) = json.loads((tmp_path / "out.json").read_text())["secondary"]
    assert secondary["response"] == "mse"
    assert set(secondary["effects"][0]) == {"factor", "contrast", "estimate", "low", "high", "n_blocks", "n_runs"}
    assert not any("of the mse" in line for line in done.output.splitlines())


def test_responses_judged_together_have_larger_p_values(table, tmp_path):
    columns = ["--response", "ghost_ratio,mse", *COLUMNS[2:]]
    for name, more in (("alone", []), ("together", ["--judge-all"])):
        assert analyze(table, *columns, *more, "--json", tmp_path / f"{name}.json").exit_code == 0
    alone, together = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("alone", "together"))
    assert all(
        first["p_adjusted"] <= second["p_adjusted"]
        for first, second in zip(alone["interactions"], together["interactions"], strict=True)
    )
    assert [part["response"] for part in together["judged"]] == ["mse"]
    assert [len(alone["secondary"]), len(together["secondary"])] == [1, 0]


def test_a_numeric_factor_is_tested_as_a_trend(tmp_path):
    generator = np.random.default_rng(0)
    rate = 10 ** generator.uniform(-5, -2, 60)
    loss = 1 - 0.3 * np.log10(rate) + generator.normal(0, 0.2, 60)
    act = generator.choice(["relu", "tanh"], 60)
    pd.DataFrame({"lr": rate, "act": act, "loss": loss}).to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(
        tmp_path / "runs.csv", "--response", "loss", "--factors", "lr,act", "--numeric", "lr", "--block", "none",
        "--json", tmp_path / "out.json", "--html", tmp_path / "out.html",
    )  # fmt: skip
    assert done.exception is None
    first, _ = json.loads((tmp_path / "out.json").read_text())["verdicts"]
    # the slope of least squares with the interaction, averaged over act, times the range of the factor
    sign, log = np.where(act == "relu", 1, -1), np.log10(rate)
    columns = np.column_stack([np.ones(60), log, sign, log * sign])
    slope = np.linalg.lstsq(columns, loss, rcond=None)[0][1]
    assert first["verdict"] == "cause"
    assert first["effects"][0]["estimate"] == pytest.approx(slope * np.ptp(log), rel=1e-4)
    assert "missing:" not in done.output


@pytest.mark.parametrize(("factor", "text"), [(1e15, "e+1"), (1e300, "e+2"), (1e-300, "e-30")])
def test_extreme_responses_are_written_in_powers_of_ten(runs, tmp_path, factor, text):
    runs.assign(ghost_ratio=runs["ghost_ratio"] * factor).to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", *COLUMNS, "--html", tmp_path / "out.html")
    assert text in done.output
    assert "0" * 20 not in done.output + (tmp_path / "out.html").read_text().split("</style>")[-1].split("data:")[0]
    assert "norm is a cause" in done.output


def test_two_copies_of_a_column_are_bad_input(runs, tmp_path):
    copies = runs[(runs["activation"] == "relu") & (runs["norm"] == "none")].assign(size=runs["kernel"] + "px")
    copies.to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", "--response", "ghost_ratio", "--factors", "kernel,size", "--block", "seed")
    assert isinstance(done.exception, DataError)
    assert "'kernel' has the same levels in the same runs as 'size'" in str(done.exception)


def test_a_lost_level_does_not_break_the_page(runs, tmp_path):
    rows = runs.assign(state=np.where(runs["kernel"] == "5", "FAILED", "FINISHED"))
    rows.to_csv(tmp_path / "runs.csv", index=False)
    done = analyze(tmp_path / "runs.csv", *COLUMNS, "--html", tmp_path / "out.html")
    assert done.exception is None
    assert "48 of 144 rows are no results" in done.output
    assert "48 of 144 rows are no results" in (tmp_path / "out.html").read_text()
