"""Tests of factors and pairs, against analyzes of variance that R printed, and statsmodels' F tests."""

from functools import reduce
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import AnovaRM, anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.infer import infer
from ablate.inference.linear_model import LinearModel
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.tables import Columns, read_runs

REFERENCE = Path(__file__).parent / "reference"
NPK = {"N": 0.00437, "P": 0.47490, "K": 0.02880, "N:P": 0.26317, "N:K": 0.16865, "P:K": 0.86275}
NPK_SQUARES = {"N:P": 21.28, "N:K": 33.14, "P:K": 0.48, "residual": 185.29}
NEAR = 0.4  # of p: a p from 100 hits has a standard error of a tenth, the rest is for residuals that are not normal


@pytest.fixture(scope="module")
def npk():
    table = read_runs(REFERENCE / "npk.csv", Columns("yield", ("N", "P", "K"), "block"))
    return infer(table, InferenceSettings(permutations=99_999))


def by_term(inference):
    mains = {verdict.factor: verdict.test for verdict in inference.verdicts}
    return mains | {":".join(pair.factors): pair.test for pair in inference.interactions}


@pytest.mark.parametrize("term", NPK)
def test_rs_analysis_of_npk_is_met(npk, term):
    test = by_term(npk)[term]
    assert test.method == "freedman_lane"
    assert test.p == pytest.approx(NPK[term], rel=NEAR)


def test_rs_sums_of_squares_of_npk_are_met(npk):
    for pair in npk.interactions:
        own, rest = NPK_SQUARES[":".join(pair.factors)], NPK_SQUARES["residual"]
        assert pair.partial_eta_sq == pytest.approx(own / (own + rest), rel=0.02)


def test_rs_effect_of_nitrogen_is_met(npk):
    effect = npk.verdicts[0].effects[0]
    assert effect.contrast == "1 - 0"
    assert effect.estimate == pytest.approx(5.6167, abs=5e-5)  # model.tables: twice 2.8083
    error = np.sqrt(15.44 * 2 / 12)
    assert (effect.high - effect.low) / 2 == pytest.approx(2.178813 * error, rel=1e-4)  # qt(0.975, 12)


def test_all_arrangements_of_the_penicillin_blends_agree():
    table = read_runs(REFERENCE / "penicillin.csv", Columns("yield", ("treatment",), "blend"))
    blends = table.response.reshape(5, 4)
    ways = [np.array(list(permutations(own))) for own in blends[1:]]
    sums = reduce(lambda sums, own: (sums[:, np.newaxis] + own).reshape(-1, 4), ways, blends[:1])
    spread = sums.var(axis=1)
    p = np.mean(spread >= blends.sum(axis=0).var() - 1e-9)
    assert p == pytest.approx(0.339, abs=0.02)  # Box, Hunter & Hunter: close to the F distribution's
    assert infer(table, InferenceSettings()).verdicts[0].test.p == pytest.approx(p, abs=4 * p / 10)


@pytest.mark.parametrize(
    ("name", "response", "factors", "published"),
    [
        ("toothgrowth", "len", ("supp", "dose"), (15.572, 92.000, 4.107)),
        ("warpbreaks", "breaks", ("wool", "tension"), (3.765, 8.498, 4.189)),
    ],
)
def test_rs_f_ratios_of_a_table_without_blocks_are_met(name, response, factors, published):
    runs = pd.read_csv(REFERENCE / f"{name}.csv", dtype=dict.fromkeys(factors, str))
    levels = [FactorLevels(own, own, tuple(sorted(set(runs[own]))), min(runs[own])) for own in factors]
    table = RunTable(
        factors=tuple(levels),
        blocks=("all",),
        levels=np.column_stack([[own.levels.index(level) for level in runs[own.path]] for own in levels]),
        block=np.zeros(len(runs), int),
        response=runs[response].to_numpy(float),
    )
    model = LinearModel.of(table, [(0, 1)])
    for term, ratio in zip([(0,), (1,), (0, 1)], published, strict=True):
        share, width = model.partial_eta_squared(model.term(*term)), len(model.term(*term))
        assert share / (1 - share) * model.freedom / width == pytest.approx(ratio, abs=5e-4)


def simulated(shape, blocks, seed, keep=1.0):
    """Return runs with normal residuals, an effect of the first factor, and block effects; a share is left out."""
    generator = np.random.default_rng(seed)
    rows = pd.DataFrame(list(product(*map(range, shape), range(blocks))), columns=[*"KLM"[: len(shape)], "seed"])
    rows["response"] = 0.35 * rows["K"] + 2 * np.sin(rows["seed"]) + generator.normal(0, 1, len(rows))
    kept = rows[generator.random(len(rows)) < keep].reset_index(drop=True)
    factors = [FactorLevels(n, n, tuple(map(str, range(k))), "0") for n, k in zip("KLM", shape, strict=False)]
    return kept, RunTable.of(kept, factors, "seed")


@pytest.mark.parametrize("seed", range(3))
def test_a_table_with_many_holes_agrees_with_statsmodels_f_tests(seed):
    runs, table = simulated((3, 3, 2), 3, seed, keep=0.6)
    found = by_term(infer(table, InferenceSettings()))
    fit = smf.ols("response ~ C(seed) + (C(K, Sum) + C(L, Sum) + C(M, Sum)) ** 2", runs).fit()
    expected = anova_lm(fit, typ=3)["PR(>F)"]
    shuffled = [name for name, test in found.items() if test.method == "freedman_lane"]
    assert len(shuffled) >= 3
    for name in shuffled:
        published = expected[":".join(f"C({own}, Sum)" for own in name.split(":"))]
        assert found[name].p == pytest.approx(published, rel=NEAR, abs=0.003)


@pytest.mark.parametrize("seed", range(3))
def test_whole_blocks_agree_with_statsmodels_repeated_measures(seed):
    runs, table = simulated((2, 3), 24, seed)
    found = by_term(infer(table, InferenceSettings()))
    expected = AnovaRM(runs, "response", "seed", within=["K", "L"]).fit().anova_table["Pr > F"]
    assert {test.unit for test in found.values()} == {"block"}
    for name, test in found.items():
        assert test.p == pytest.approx(expected[name], rel=NEAR, abs=0.003)
