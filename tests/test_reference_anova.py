"""Tests of factors and pairs, against analyses of variance that R printed, and statsmodels' F tests."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import AnovaRM, anova_lm

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.hypotheses import family
from ablate.inference.infer import infer
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.linear_model import LinearModel, Observations
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings
from ablate.inference.tables import Columns, read_runs
from tests import enumerated

REFERENCE = Path(__file__).parent / "reference"
NPK = {"N": 12.2587, "P": 0.5441, "K": 6.1657, "N:P": 1.3783, "N:K": 2.1460, "P:K": 0.0312}
NEAR = 0.4  # of p: flips and normal theory differ most where p is small


@pytest.fixture(scope="module")
def npk():
    return read_runs(REFERENCE / "npk.csv", Columns("yield", ("N", "P", "K"), "block"))


def f_ratios(table):
    """Return the F ratio of every hypothesis with the residual mean square of its model, by the names of factors."""
    directions = family(table, InferenceSettings()).estimable
    ratios = {}
    for direction in directions:
        share = direction.model.partial_eta_squared(direction.axes)
        ratios[":".join(direction.hypothesis.factors)] = share / (1 - share) * direction.model.freedom / direction.width
    return ratios


def by_term(inference):
    mains = {verdict.factor: verdict.test for verdict in inference.verdicts}
    return mains | {":".join(pair.factors): pair.test for pair in inference.interactions}


def test_rs_f_ratios_of_npk_are_met(npk):
    assert f_ratios(npk) == pytest.approx(NPK, abs=2e-4)


def test_six_blocks_of_npk_have_32_flips(npk):
    p = [test.p for test in by_term(infer(npk, InferenceSettings())).values()]
    assert [value * 32 for value in p] == pytest.approx([round(value * 32) for value in p])
    assert min(p) >= 1 / 32


def test_the_flips_of_npks_blocks_are_those_of_brute_force(npk):
    runs = pd.read_csv(REFERENCE / "npk.csv")
    mains = {name: enumerated.sum_coding(runs[name].to_numpy(), 2) for name in "NPK"}
    pairs = {f"{a}:{b}": enumerated.products(mains[a], mains[b]) for a, b in combinations("NPK", 2)}
    expected = enumerated.seed_flips(runs["yield"].to_numpy(float), runs["block"].to_numpy(), mains | pairs)
    inference = infer(npk, InferenceSettings())
    adjusted = {verdict.factor: verdict.p_adjusted for verdict in inference.verdicts}
    adjusted |= {":".join(pair.factors): pair.p_adjusted for pair in inference.interactions}
    assert adjusted == pytest.approx(expected)
    assert min(expected, key=lambda term: expected[term]) == "N"  # the strongest term of R's table too


def test_rs_effect_of_nitrogen_is_met(npk):
    effect = infer(npk, InferenceSettings()).verdicts[0].effects[0]
    assert effect.contrast == "1 - 0"
    assert effect.estimate == pytest.approx(5.6167, abs=5e-5)  # model.tables: twice 2.8083


def test_the_published_f_ratio_of_the_penicillin_blends_is_met():
    table = read_runs(REFERENCE / "penicillin.csv", Columns("yield", ("treatment",), "blend"))
    assert f_ratios(table) == pytest.approx({"treatment": 1.24}, abs=0.005)


def test_five_blends_with_each_treatment_once_allow_no_test():
    table = read_runs(REFERENCE / "penicillin.csv", Columns("yield", ("treatment",), "blend"))
    (verdict,) = infer(table, InferenceSettings()).verdicts
    assert verdict.verdict == "undecided"
    assert verdict.test.p is None


def without_blocks(name, response, factors):
    """Return a published table in which every run is a block."""
    runs = pd.read_csv(REFERENCE / f"{name}.csv", dtype=dict.fromkeys(factors, str))
    levels = [FactorLevels(f, f, tuple(sorted(set(runs[f]))), min(runs[f])) for f in factors]
    return RunTable(
        factors=tuple(levels),
        blocks=tuple(map(str, range(len(runs)))),
        levels=np.column_stack([[f.levels.index(level) for level in runs[f.path]] for f in levels]),
        block=np.arange(len(runs)),
        response=runs[response].to_numpy(float),
    )


@pytest.mark.parametrize(
    ("name", "response", "factors", "published"),
    [
        ("toothgrowth", "len", ("supp", "dose"), (15.572, 92.000, 4.107)),
        ("warpbreaks", "breaks", ("wool", "tension"), (3.765, 8.498, 4.189)),
    ],
)
def test_rs_f_ratios_of_a_table_without_blocks_are_met(name, response, factors, published):
    table = without_blocks(name, response, factors)
    model = LinearModel.of(table, Observations.of(table, has_blocks=False), [(0,), (1,), (0, 1)])
    for term, ratio in zip([(0,), (1,), (0, 1)], published, strict=True):
        axes = model.axes(model.rows(term))
        share = model.partial_eta_squared(axes)
        assert share / (1 - share) * model.freedom / axes.shape[1] == pytest.approx(ratio, abs=5e-4)


def test_flips_of_single_guinea_pigs_agree_with_rs_analysis():
    # R: supplement p = 0.000231, dose p < 2e-16, interaction p = 0.0219.
    inference = infer(without_blocks("toothgrowth", "len", ("supp", "dose")), InferenceSettings())
    assert inference.kind is KindOfTest.RUN_FLIPS
    p = {name: test.p for name, test in by_term(inference).items()}
    assert p["supp"] < 0.001
    assert p["dose"] <= 2 / 10_001  # no drawn flip reaches it, at most the one that changes no sign
    assert p["supp:dose"] == pytest.approx(0.0219, rel=0.5)  # R assumes equal variances


def simulated(shape, blocks, seed, kept=1.0):
    """Return runs with normal residuals, an effect of the first factor, and block effects; a share is left out."""
    generator = np.random.default_rng(seed)
    rows = pd.DataFrame(list(product(*map(range, shape), range(blocks))), columns=[*"KLM"[: len(shape)], "seed"])
    rows["response"] = 0.35 * rows["K"] + 2 * np.sin(rows["seed"]) + generator.normal(0, 1, len(rows))
    rows = rows[generator.random(len(rows)) < kept].reset_index(drop=True)
    factors = [FactorLevels(n, n, tuple(map(str, range(k))), "0") for n, k in zip("KLM", shape, strict=False)]
    return rows, RunTable.of(rows, factors, "seed")


@pytest.mark.parametrize("seed", range(3))
def test_f_ratios_of_a_table_with_many_holes_are_statsmodels(seed):
    runs, table = simulated((3, 3, 2), 3, seed, kept=0.6)
    fit = smf.ols("response ~ C(seed) + (C(K, Sum) + C(L, Sum) + C(M, Sum)) ** 2", runs).fit()
    expected = anova_lm(fit, typ=3)["F"]
    ratios = f_ratios(table)
    assert len(ratios) == 6
    for name, ratio in ratios.items():
        assert ratio == pytest.approx(expected[":".join(f"C({part}, Sum)" for part in name.split(":"))], rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_flips_of_many_seeds_agree_with_statsmodels_repeated_measures(seed):
    runs, table = simulated((2, 3), 24, seed)
    inference = infer(table, InferenceSettings())
    assert inference.kind is KindOfTest.SEED_FLIPS
    expected = AnovaRM(runs, "response", "seed", within=["K", "L"]).fit().anova_table["Pr > F"]
    for name, test in by_term(inference).items():
        assert test.p == pytest.approx(expected[name], rel=NEAR, abs=0.01), name
