"""How much a run varies, from runs that were made already."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

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
