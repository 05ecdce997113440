"""Robust standard errors and their degrees of freedom, against numbers that R's clubSandwich gave."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.enumerated import products, sum_coding

robust = pytest.importorskip("ablate.inference.robust")

FOLDER = Path(__file__).parent / "reference" / "clubsandwich"
PUBLISHED = pd.read_csv(FOLDER / "results.csv")
INDEPENDENT = ("independent", "independent_small")
TIGHT = 1e-8  # both compute in double precision; results.csv has 12 digits


def model(case):
    """Return the sum-coded columns of a case by coefficient name, its responses and its clusters."""
    runs = pd.read_csv(FOLDER / f"{case}.csv")
    factors = [name for name in runs if name not in {"seed", "response"}]
    coded = {name: sum_coding(runs[name].to_numpy() - 1, runs[name].max()) for name in factors}
    columns = {f"{name}{i + 1}": column for name, part in coded.items() for i, column in enumerate(part.T)}
    if any(":" in name and "-" not in name for name in PUBLISHED.contrast[PUBLISHED.case == case]):
        for first, second in combinations(factors, 2):
            names = [
                f"{first}{i + 1}:{second}{j + 1}"
                for i in range(coded[first].shape[1])
                for j in range(coded[second].shape[1])
            ]
            columns |= dict(zip(names, products(coded[first], coded[second]).T, strict=True))
    return columns, runs["response"].to_numpy(), runs["seed"].to_numpy()


def weights(contrast, names):
    """Return the weights of a contrast on the coefficients; level 2 minus level 1 of sum-coded `a` has two."""
    if contrast != "a: 2 - 1":
        return np.array([float(name == contrast) for name in names])
    second = {"a1": -1.0, "a2": 1.0} if "a2" in names else {"a1": -2.0}
    return np.array([second.get(name, 0.0) for name in names])


def estimate(case, contrast):
    columns, response, seed = model(case)
    matrix, at = np.column_stack(list(columns.values())), weights(contrast, list(columns))
    if case in INDEPENDENT:
        return robust.hc2(matrix, response, at)
    return robust.cr2(matrix, response, seed, at)


@pytest.mark.parametrize("row", PUBLISHED.itertuples(), ids=lambda row: f"{row.case}-{row.contrast}")
def test_clubsandwich_is_met(row):
    value, error, freedom = estimate(row.case, row.contrast)
    assert value == pytest.approx(row.estimate, abs=TIGHT)
    assert error == pytest.approx(row.error, rel=TIGHT)
    assert freedom == pytest.approx(row.freedom, rel=TIGHT)
    half = stats.t.ppf(0.975, freedom) * error
    assert (value - half, value + half) == pytest.approx((row.low, row.high), abs=1e-6)
