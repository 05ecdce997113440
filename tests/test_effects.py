"""Effects against planted differences, on tables whose answer is known by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from ablate.analysis.bootstrap import Resampling
from ablate.analysis.effects import effects
from ablate.analysis.interactions import interactions
from ablate.inference.factor_levels import FactorLevels

KERNEL = FactorLevels("model.kernel", "kernel", ("3", "1", "5"), "3")
LOSS = FactorLevels("loss", "loss", ("bce", "mse"), "bce")
FACTORS = (KERNEL, LOSS)


def table(response, seeds=(0, 1, 2), cells=None) -> pd.DataFrame:
    cells = cells or product(KERNEL.levels, LOSS.levels)
    rows = [(kernel, loss, seed, response(kernel, loss, seed)) for kernel, loss in cells for seed in seeds]
    return pd.DataFrame(rows, columns=["model.kernel", "loss", "seed", "response"])


def additive(kernel, loss, seed):
    return 0.2 + 0.1 * seed + {"3": 0, "1": 0.3, "5": -0.05}[kernel] + 0.15 * (loss == "mse")


def by_level(found):
    return {(effect.factor, effect.level): effect.estimate for effect in found}


def test_planted_effects_are_recovered_exactly():
    found = by_level(effects(table(additive), FACTORS, Resampling()))
    assert found["model.kernel", "1"].value == pytest.approx(0.3)
    assert found["model.kernel", "5"].value == pytest.approx(-0.05)
    assert found["loss", "mse"].value == pytest.approx(0.15)


def test_what_a_seed_adds_to_all_its_runs_cancels():
    estimate = by_level(effects(table(additive), FACTORS, Resampling()))["model.kernel", "1"]
    assert (estimate.low, estimate.high) == pytest.approx((0.3, 0.3))


def test_effects_come_largest_first():
    sizes = [abs(effect.estimate.value) for effect in effects(table(additive), FACTORS, Resampling())]
    assert sizes == sorted(sizes, reverse=True)


def test_pairs_and_seeds_are_counted():
    estimate = by_level(effects(table(additive), FACTORS, Resampling()))["loss", "mse"]
    assert (estimate.matched, estimate.agreeing, estimate.dropped, estimate.seeds) == (9, 9, 0, (0, 1, 2))


def test_only_pairs_with_the_sign_of_the_effect_agree():
    estimate = by_level(
        effects(
            table(lambda kernel, loss, _: (loss == "mse") * (1.0 if kernel == "3" else -0.2)), FACTORS, Resampling()
        )
    )["loss", "mse"]
    assert estimate.value == pytest.approx(0.2)
    assert (estimate.matched, estimate.agreeing) == (9, 3)


def test_a_seed_counts_once_however_many_cells_it_has():
    # Seeds 0, 1 and 2 differ by 0.0, 0.1 and 0.2 in every cell: the interval is that of three values, not nine.
    estimate = by_level(effects(table(lambda _, loss, seed: 0.1 * seed * (loss == "mse")), FACTORS, Resampling()))[
        "loss", "mse"
    ]
    assert estimate.by_seed == pytest.approx((0.0, 0.1, 0.2))
    assert (estimate.low, estimate.high) == pytest.approx((0.0, 0.2))


def test_a_pair_without_a_response_is_dropped_and_counted():
    runs = table(additive)
    runs.loc[(runs["model.kernel"] == "1") & (runs["loss"] == "mse") & (runs["seed"] == 2), "response"] = np.nan
    estimate = by_level(effects(runs, FACTORS, Resampling()))["model.kernel", "1"]
    assert (estimate.matched, estimate.dropped) == (5, 1)
    assert estimate.value == pytest.approx(0.3)


def test_a_level_without_any_response_has_no_effect():
    runs = table(additive)
    runs.loc[runs["model.kernel"] == "5", "response"] = np.nan
    assert ("model.kernel", "5") not in by_level(effects(runs, FACTORS, Resampling()))


def test_one_at_a_time_compares_at_the_baseline_alone():
    cells = [("3", "bce"), ("1", "bce"), ("5", "bce"), ("3", "mse")]
    found = by_level(effects(table(additive, cells=cells), FACTORS, Resampling()))
    assert found["loss", "mse"].matched == 3
    assert found["loss", "mse"].value == pytest.approx(0.15)
    assert found["model.kernel", "1"].value == pytest.approx(0.3)


def test_one_at_a_time_has_no_interactions():
    cells = [("3", "bce"), ("1", "bce"), ("5", "bce"), ("3", "mse")]
    assert interactions(table(additive, cells=cells), FACTORS, Resampling()) == ()


def test_one_seed_gives_no_interval():
    estimate = effects(table(additive, seeds=(4,)), FACTORS, Resampling())[0].estimate
    assert (estimate.low, estimate.high, estimate.excludes_zero) == (None, None, None)


def test_the_order_of_runs_does_not_matter():
    runs = table(lambda k, loss, s: additive(k, loss, s) + 0.01 * len(k + loss) * s**2)
    assert effects(runs, FACTORS, Resampling()) == effects(runs.sample(frac=1, random_state=0), FACTORS, Resampling())


def test_a_single_factor_is_paired_by_seed():
    runs = table(lambda _, loss, seed: seed + (loss == "mse") * 0.5, cells=[("3", "bce"), ("3", "mse")])
    (effect,) = effects(runs.drop(columns="model.kernel"), (LOSS,), Resampling())
    assert effect.estimate.value == pytest.approx(0.5)
    assert effect.estimate.matched == 3


def test_many_seeds_with_noise_cover_the_planted_effect():
    noise = np.random.default_rng(5)
    runs = table(lambda _, loss, __: 0.15 * (loss == "mse") + noise.normal(0, 0.05), seeds=range(30))
    estimate = by_level(effects(runs, FACTORS, Resampling()))["loss", "mse"]
    assert estimate.low < 0.15 < estimate.high
    assert estimate.high - estimate.low < 0.06
