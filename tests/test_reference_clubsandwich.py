"""Robust standard errors, degrees of freedom and intervals, against numbers that R's clubSandwich gave."""

from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.linear_model import LinearModel, Observations
from ablate.inference.robust import FEWEST_FREEDOM, Robust
from ablate.inference.run_table import RunTable
from ablate.inference.terms import coding

FOLDER = Path(__file__).parent / "reference" / "clubsandwich"
PUBLISHED = pd.read_csv(FOLDER / "results.csv")
WITH_PAIRS = ("pairs_with_holes",)
INDEPENDENT = ("independent", "independent_small")
TIGHT = 1e-8  # both compute in double precision, and results.csv has 12 digits


@cache
def table_of(case):
    runs = pd.read_csv(FOLDER / f"{case}.csv")
    names = [str(name) for name in runs if name not in {"seed", "response"}]
    factors = [FactorLevels(n, n, tuple(str(i + 1) for i in range(runs[n].max())), "1") for n in names]
    return RunTable(
        factors=tuple(factors),
        blocks=tuple(map(str, np.unique(runs["seed"]))),
        levels=runs[names].to_numpy(int) - 1,
        block=np.unique(runs["seed"], return_inverse=True)[1],
        response=runs["response"].to_numpy(float),
    )


@cache
def model_of(case):
    table = table_of(case)
    mains = [(position,) for position in range(len(table.factors))]
    pairs = list(combinations(range(len(table.factors)), 2)) if case in WITH_PAIRS else []
    observations = Observations.of(table, has_blocks=case not in INDEPENDENT)
    return LinearModel.of(table, observations, [*mains, *pairs])


def weights_of(case, contrast):
    """Return a coefficient on R's sum contrasts (a1: level 1 minus the mean), or the difference of two levels."""
    table, model = table_of(case), model_of(case)
    codes = {factor.path: coding(factor) for factor in table.factors}
    position = {factor.path: index for index, factor in enumerate(table.factors)}
    weights = np.zeros(model.matrix.shape[1])
    if contrast == "a: 2 - 1":
        weights[model.places[position["a"],]] = codes["a"][1] - codes["a"][0]
        return weights
    parts = [(name[0], int(name[1:]) - 1) for name in contrast.split(":")]
    place = model.places[tuple(position[name] for name, _ in parts)]
    level = [codes[name][level] for name, level in parts]
    weights[place] = level[0] if len(level) == 1 else np.kron(*level)
    return weights


@pytest.mark.parametrize("row", list(PUBLISHED.itertuples()), ids=lambda row: f"{row.case}-{row.contrast}")
def test_clubsandwich_is_met(row):
    found = Robust(model_of(row.case)).estimate(weights_of(row.case, row.contrast))
    assert found.value == pytest.approx(row.estimate, abs=TIGHT)
    assert found.error == pytest.approx(row.error, rel=TIGHT)
    assert found.freedom == pytest.approx(row.freedom, rel=TIGHT)
    interval = found.interval(0.95)
    assert (interval is not None) == (row.freedom >= FEWEST_FREEDOM)
    assert interval is None or interval == pytest.approx((row.low, row.high), abs=1e-7)
