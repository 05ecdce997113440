"""How much a run varies, from runs that were made already."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from ablate.core.errors import DataError
from ablate.planning import pilot


@pytest.fixture
def table(tmp_path):
    """Return a function that writes rows of a pilot as CSV."""

    def write(rows):
        pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
        return tmp_path / "runs.csv"

    return write


def rows(response="response"):
    rng = np.random.default_rng(0)
    return [
        {"model.activation": activation, "model.state_kernel_size": kernel, "seed": seed, response: rng.normal()}
        for activation in ("tanh", "relu")
        for kernel in (1, 3)
        for seed in range(3)
    ]


def test_the_deviation_is_that_of_least_squares_on_cells_and_seeds(small_study, table):
    runs = pd.DataFrame(rows())
    runs["cell"] = runs["model.activation"] + runs["model.state_kernel_size"].astype(str)
    fitted = smf.ols("response ~ C(cell) + C(seed)", runs).fit()
    found = pilot.from_table(small_study(), table(rows()))
    assert found.value == pytest.approx(np.sqrt(fitted.mse_resid))
    assert "12 runs of" in found.source
    assert f"{fitted.df_resid:.0f} degrees of freedom" in found.source


def test_the_column_may_be_named_by_the_metric(small_study, table):
    named = pilot.from_table(small_study(), table(rows("ghost_ratio")))
    assert named.value == pilot.from_table(small_study(), table(rows())).value


def test_finished_runs_of_the_study_give_the_deviation(small_study, made_record, store):
    """Residuals of a 2 x 2 table that is 0, 0, 0, 4 about rows and columns are 1: one degree of freedom, 2."""
    study = small_study(factors={"model.activation": ["tanh", "relu"]})
    for planned_run, ghost in zip(study.planned_runs, (0.0, 0.0, 0.0, 4.0), strict=True):
        made_record(planned_run, ghost).save(store.study("small").run(planned_run.id))
    found = pilot.from_store(study, store.study("small"))
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert "4 runs of this study, 1 degrees of freedom" in found.source


def test_an_unmeasurable_run_does_not_show_how_much_runs_vary(small_study, made_record, store):
    study = small_study(factors={"model.activation": ["tanh", "relu"]}, seeds=[0, 1, 2])
    for position, planned_run in enumerate(study.planned_runs):
        record = made_record(planned_run, 9.0, defined=[1]) if position == 2 else made_record(planned_run, position % 2)
        record.save(store.study("small").run(planned_run.id))
    found = pilot.from_store(study, store.study("small"))
    assert found is not None
    assert "from 5 runs of this study (1 more has no response)" in found.source
    assert found.value < 2  # the nine of the one defined step is no response


def test_a_study_without_runs_gives_no_deviation(small_study, store):
    assert pilot.from_store(small_study(), store.study("small")) is None


def test_runs_of_one_seed_give_no_deviation(small_study, made_record, store):
    study = small_study()
    for planned_run in study.planned_runs[::2]:
        made_record(planned_run).save(store.study("small").run(planned_run.id))
    assert pilot.from_store(study, store.study("small")) is None


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([{"seed": 0, "model.activation": "relu"}], "a pilot needs seed, and response or ghost_ratio"),
        ([{"response": 0.1}], "a pilot needs seed"),
        ([{"response": 0.1, "seed": 0}], "too few to estimate"),
        ([{"response": "x", "seed": 0}, {"response": "y", "seed": 1}], "too few to estimate"),
    ],
)
def test_a_table_without_enough_runs_is_an_error_of_one_line(small_study, table, columns, said):
    with pytest.raises(DataError, match=said):
        pilot.from_table(small_study(), table(columns))


@pytest.mark.parametrize("content", [None, b"", b"\x00\xff\xfe"])
def test_a_file_that_is_not_csv_is_an_error_of_one_line(small_study, tmp_path, content):
    file = tmp_path / "runs.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match=r"runs\.csv"):
        pilot.from_table(small_study(), file)


def test_the_spread_of_effects_between_seeds_is_that_of_an_analysis_of_variance(small_study, table):
    """Each factor's mean square with the seeds, minus the residual one, times the variance 2/4 of a difference."""
    rng = np.random.default_rng(1)
    runs = pd.DataFrame(
        [
            {"model.activation": a, "model.state_kernel_size": k, "model.head": h, "seed": seed}
            for seed in range(6)
            for a in ("tanh", "relu")
            for k in (1, 3)
            for h in ("frame", "conv3d")
        ]
    )
    swing = rng.normal(size=6)[runs["seed"]] * np.where(runs["model.activation"] == "relu", 1.0, -1.0)
    runs["response"] = rng.normal(size=len(runs)) + swing
    named = runs.rename(columns=lambda name: name.rpartition(".")[2])
    fit = smf.ols(
        "response ~ C(activation) * C(state_kernel_size) * C(head) + C(seed) "
        "+ C(seed):C(activation) + C(seed):C(state_kernel_size) + C(seed):C(head)",
        named,
    ).fit()
    squares = anova_lm(fit)["mean_sq"]
    with_seeds = [squares[f"C(seed):C({name})"] for name in ("activation", "state_kernel_size", "head")]
    three = {"model.activation": ["tanh", "relu"], "model.state_kernel_size": [1, 3], "model.head": ["frame", "conv3d"]}
    pilot_runs = pilot.from_table(small_study(factors=three), table(runs.to_dict("records")))
    assert pilot_runs.value == pytest.approx(np.sqrt(squares["Residual"]))
    assert pilot_runs.between_seeds == pytest.approx(
        np.sqrt(np.mean([(m - squares["Residual"]) / 2 for m in with_seeds]))
    )
    assert "20 degrees of freedom" in pilot_runs.source  # 35 of cells and seeds, minus 15 of seeds with factors


def test_few_runs_show_no_spread_between_seeds(small_study, table):
    assert pilot.from_table(small_study(), table(rows())).between_seeds == 0
