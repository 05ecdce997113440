"""Effects at an equal mediator: against statsmodels' least squares, and studies whose paths are known."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from ablate.inference.factor_levels import FactorLevels
from ablate.inference.mediation import mediation
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings


def study(blocks, through, beside, seed=0, mediators=("mse",)):
    """Return runs whose mediator rises by 1 with each level of a, and by which the response rises `through` times.

    The response rises by `beside` with each level of a besides. Both have noise, and effects of the block.
    """
    generator = np.random.default_rng(seed)
    runs = pd.DataFrame(product(range(3), range(2), range(blocks)), columns=["a", "b", "block"])
    noise, by_block = generator.normal(size=(2, len(runs))), generator.normal(size=(2, blocks))[:, runs.block]
    runs["mse"] = runs.a + noise[0] + by_block[0]
    runs["response"] = through * runs.mse + beside * runs.a + 0.5 * noise[1] + by_block[1]
    factors = [FactorLevels("a", "a", ("0", "1", "2"), "0"), FactorLevels("b", "b", ("0", "1"), "1")]
    return runs, RunTable.of(runs, factors, "block", mediators)


def test_effects_are_coefficients_of_statsmodels():
    runs, _ = study(4, 0.7, 0.4)
    runs.loc[[1, 8], "response"], runs.loc[13, "mse"] = np.nan, np.nan
    effects = mediation(RunTable.of(runs, study(4, 0, 0)[1].factors, "block", ["mse"]), InferenceSettings())
    table_rows = runs.dropna()
    formula = "response ~ C(block) + C(a, Treatment(0)) + C(b, Treatment(1))"
    total, direct = ols(formula, table_rows).fit().params, ols(f"{formula} + mse", table_rows).fit().params
    terms = ["C(a, Treatment(0))[T.1]", "C(a, Treatment(0))[T.2]", "C(b, Treatment(1))[T.0]"]
    assert [effect.contrast for effect in effects] == ["1 - 0", "2 - 0", "0 - 1"]
    assert [effect.total for effect in effects] == pytest.approx(total[terms].to_list())
    assert [effect.direct for effect in effects] == pytest.approx(direct[terms].to_list())
    assert [effect.mediated for effect in effects] == pytest.approx((total - direct)[terms].to_list())


def test_the_interval_is_that_of_leaving_out_one_block_at_a_time():
    runs, table = study(5, 0.7, 0.4)
    formula = "response ~ C(block) + C(a) + C(b) + mse"
    term = "C(a)[T.2]"
    direct = ols(formula, runs).fit().params[term]
    without = np.array([ols(formula, runs[runs.block != left]).fit().params[term] for left in range(5)])
    # Student's t on 4 degrees of freedom leaves 2.5 % above 2.776; the jackknife's variance is Tukey's.
    reach = 2.776445 * np.sqrt(4 / 5 * ((without - without.mean()) ** 2).sum())
    effects = mediation(table, InferenceSettings())[1]
    assert (effects.low, effects.high) == pytest.approx((direct - reach, direct + reach))


def share_of_intervals_with(value, effects):
    low, high = np.array([(effect.low, effect.high) for effect in effects], float).T
    return ((low <= value) & (value <= high)).mean()


def test_an_effect_that_the_mediator_carries_leaves_nothing():
    effects = [mediation(study(6, 1.0, 0.0, seed)[1], InferenceSettings())[1] for seed in range(200)]
    assert np.mean([effect.total for effect in effects]) == pytest.approx(2, abs=0.1)
    covered = share_of_intervals_with(0, effects)
    assert covered == pytest.approx(0.95, abs=3.5 * np.sqrt(0.05 * 0.95 / 200))


def test_an_effect_beside_the_mediator_stays_whole():
    effects = [mediation(study(6, 0.0, 1.0, seed)[1], InferenceSettings())[1] for seed in range(200)]
    assert np.mean([effect.mediated for effect in effects]) == pytest.approx(0, abs=0.1)
    covered = share_of_intervals_with(2, effects)
    assert covered == pytest.approx(0.95, abs=3.5 * np.sqrt(0.05 * 0.95 / 200))


def test_every_mediator_has_its_own_effects():
    runs, table = study(3, 1.0, 0.5)
    both = RunTable.of(runs.assign(mae=runs.mse**2), table.factors, "block", ["mse", "mae"])
    assert [effect.mediator for effect in mediation(both, InferenceSettings())] == ["mse"] * 3 + ["mae"] * 3


def test_a_mediator_in_another_unit_leaves_effects_as_they_are():
    runs, table = study(3, 1.0, 0.5)
    tiny = RunTable.of(runs.assign(mse=1e-9 * runs.mse), table.factors, "block", ["mse"])
    directs = [[effect.direct for effect in mediation(table_rows, InferenceSettings())] for table_rows in (table, tiny)]
    assert directs[0] == pytest.approx(directs[1])


def test_a_mediator_that_never_varies_carries_nothing():
    runs, table = study(3, 1.0, 0.5)
    still = RunTable.of(runs.assign(mse=1.0), table.factors, "block", ["mse"])
    assert [effect.mediated for effect in mediation(still, InferenceSettings())] == pytest.approx([0, 0, 0])


def test_a_mediator_that_is_the_factor_itself_cannot_be_held_equal():
    runs, table = study(3, 1.0, 0.5)
    same = RunTable.of(runs.assign(mse=2.0 * runs.b), table.factors, "block", ["mse"])
    assert [effect.factor for effect in mediation(same, InferenceSettings())] == ["a", "a"]


def test_two_blocks_give_no_interval():
    assert [(effect.low, effect.high) for effect in mediation(study(2, 1.0, 0.5)[1], InferenceSettings())] == [
        (None, None)
    ] * 3


def test_without_mediators_there_is_nothing_to_say():
    assert mediation(study(3, 1.0, 0.5, mediators=())[1], InferenceSettings()) == ()


def test_without_responses_there_is_nothing_to_say():
    runs, table = study(3, 1.0, 0.5)
    assert (
        mediation(RunTable.of(runs.assign(response=np.nan), table.factors, "block", ["mse"]), InferenceSettings()) == ()
    )


def test_a_numeric_factor_has_the_effect_of_its_trend_between_its_ends():
    generator = np.random.default_rng(4)
    rate, act = np.array([1, 2, 5, 9])[generator.integers(4, size=80)], generator.integers(2, size=80)
    block = np.arange(80) // 8
    mediator = 0.5 * rate + generator.normal(size=80)
    response = rate + mediator + act + generator.normal(size=80)
    rates = FactorLevels("r", "r", ("1", "2", "5", "9"), "1", numeric=True)
    table = RunTable(
        factors=(rates, FactorLevels("a", "a", ("0", "1"), "0")),
        blocks=tuple(map(str, range(10))),
        levels=np.column_stack([np.searchsorted([1, 2, 5, 9], rate), act]),
        block=block,
        response=response,
        mediators={"m": mediator},
    )
    blocks = np.eye(10)[block]
    total = np.linalg.lstsq(np.column_stack([rate, act, blocks]), response, rcond=None)[0]
    direct = np.linalg.lstsq(np.column_stack([rate, act, mediator, blocks]), response, rcond=None)[0]
    numeric, second = mediation(table, InferenceSettings())
    assert (numeric.contrast, second.contrast) == ("9 - 1", "1 - 0")
    assert (numeric.total, numeric.direct) == pytest.approx((8 * total[0], 8 * direct[0]))
    assert (second.total, second.direct) == pytest.approx((total[1], direct[1]))
