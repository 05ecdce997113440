"""Lost runs: which kind of loss it is, trimming bounds worked by hand, and their coverage in simulated tables."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from ablate.inference.factor_levels import Contrast as LevelContrast
from ablate.inference.factor_levels import FactorLevels, difference, polynomials
from ablate.inference.lost_runs import is_lost_by_response, lost_runs, trimming_bounds
from ablate.inference.run_table import RunTable

NAN = float("nan")


def factor(name, count, *, ordered=False):
    return FactorLevels(name, name, tuple(str(level) for level in range(count)), "0", ordered)


def unpaired(*levels, outcome="diverged"):
    """Return a table of one factor in which every run has a seed of its own; NaN marks a lost run."""
    response = np.concatenate([np.array(values, float) for values in levels])
    position = np.repeat(range(len(levels)), [len(values) for values in levels])
    return RunTable(
        factors=(factor("a", len(levels)),),
        blocks=tuple(map(str, range(len(response)))),
        levels=position[:, np.newaxis],
        block=np.arange(len(response)),
        response=response,
        outcome=tuple(outcome if np.isnan(value) else "finished" for value in response),
    )


def crossed(counts, seeds, response, outcome="diverged"):
    """Return a crossing in every seed; `response` has one row per cell and one column per seed."""
    cells = np.array(list(product(*map(range, counts))))
    return RunTable(
        factors=tuple(factor(name, count) for name, count in zip("abcd", counts, strict=False)),
        blocks=tuple(map(str, range(seeds))),
        levels=np.repeat(cells, seeds, axis=0),
        block=np.tile(np.arange(seeds), len(cells)),
        response=response.reshape(-1),
        outcome=tuple(outcome if np.isnan(value) else "finished" for value in response.reshape(-1)),
    )


def bounds_of(table, position=0):
    return trimming_bounds(table, position, difference(table.factors[position], "1"))


@pytest.mark.parametrize(
    "outcome", ["diverged", "unmeasurable", "finished", "FINISHED", "", "COMPLETE", "PRUNED", "failed: loss is nan"]
)
def test_an_outcome_that_tells_of_the_response_or_of_nothing_else_is_a_loss_by_response(outcome):
    assert is_lost_by_response(outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        *("failed", "FAIL", "FAILED", "crashed", "killed", "KILLED", "timeout", "timed out", "out_of_memory", "OOM"),
        *("out of memory", "lost_worker", "preempted", "excluded", "exception", "running", "CANCELLED", "NODE_FAIL"),
    ],
)
def test_an_outcome_that_tells_of_the_machine_or_its_user_is_a_loss_by_machine(outcome):
    assert not is_lost_by_response(outcome)


def test_losses_are_counted_by_kind_and_outcome():
    table = unpaired([1, NAN, NAN], [NAN, 2, 3])
    lost = lost_runs(RunTable(**{**vars_of(table), "outcome": ("finished", "", "timeout", "diverged", "x", "x")}))
    assert lost.by_response == {"unmeasurable": 1, "diverged": 1}
    assert lost.by_machine == {"timeout": 1}


def vars_of(table):
    return {name: getattr(table, name) for name in ("factors", "blocks", "levels", "block", "response", "outcome")}


def test_the_fuller_level_is_trimmed_to_the_share_of_the_emptier_one():
    # Level 1 lost 2 of 10, so level 0 keeps 8 of 1..10: their mean is 6.5 without the lowest, 4.5 without the highest.
    bounds = bounds_of(unpaired(range(1, 11), [5, 6, 7, 8, 9, 10, 11, 12, NAN, NAN]))
    assert bounds is not None
    assert (bounds.lower, bounds.upper) == pytest.approx((8.5 - 6.5, 8.5 - 4.5))
    assert bounds.lost == {"0": 0.0, "1": pytest.approx(0.2)}
    assert bounds.trimmed == {"0": pytest.approx(0.2)}


def test_a_fraction_of_a_run_is_trimmed_as_a_fraction():
    # Level 1 lost 1 of 4, so level 0 keeps 3.75 of its 5 values: (3 + 4 + 5 + 0.75 * 2) / 3.75, and the mirror image.
    bounds = bounds_of(unpaired([1, 2, 3, 4, 5], [1, 2, 3, NAN]))
    assert bounds is not None
    assert bounds.lower == pytest.approx(2 - (3 + 4 + 5 + 0.75 * 2) / 3.75)
    assert bounds.upper == pytest.approx(2 - (1 + 2 + 3 + 0.75 * 4) / 3.75)


def test_losses_by_machine_are_not_bounded():
    assert bounds_of(unpaired(range(1, 11), [5, 6, 7, NAN], outcome="timeout")) is None


def test_losses_by_machine_do_not_count_as_runs():
    # Of level 1 the machine lost two; of the other four the response lost one: a share of 1/4, not of 1/6.
    table = unpaired(range(8), [1, 2, 3, NAN, NAN, NAN])
    outcome = ("finished",) * 11 + ("diverged", "timeout", "crashed")
    bounds = bounds_of(RunTable(**{**vars_of(table), "outcome": outcome}))
    assert bounds is not None
    assert bounds.lost == {"0": 0.0, "1": 0.25}


def test_equal_shares_trim_nothing():
    assert bounds_of(unpaired([1, 2, NAN, 4], [5, NAN, 7, 8])) is None
    assert bounds_of(unpaired([1, 2, 3], [5, 6, 7])) is None


def test_a_level_without_any_response_has_infinite_bounds():
    bounds = bounds_of(unpaired([1, 2, 3], [NAN, NAN, NAN]))
    assert bounds is not None
    assert (bounds.low, bounds.high, bounds.include_zero) == (-np.inf, np.inf, True)


def test_seed_effects_are_removed_before_trimming():
    # Without seed effects both levels are constant, 2 apart: whatever is trimmed, the bounds are exactly 2.
    response = np.array([[0.0] * 6, [2.0] * 6]) + 100 * np.arange(6)
    response[1, 2] = NAN
    bounds = bounds_of(crossed((2,), 6, response))
    assert bounds is not None
    assert (bounds.lower, bounds.upper) == pytest.approx((2, 2))


def test_the_other_factors_are_removed_before_trimming():
    response = np.array([[0.0] * 6, [50.0] * 6, [2.0] * 6, [52.0] * 6])
    response[3, 1] = NAN
    bounds = bounds_of(crossed((2, 2), 6, response))
    assert bounds is not None
    assert (bounds.lower, bounds.upper) == pytest.approx((2, 2))


def test_losses_of_another_factor_studied_one_at_a_time_trim_nothing():
    # Cells 00, 10, 01: all losses are at b = 1, where a is 0. At b = 0 both levels of a lost none.
    table = crossed((2, 2), 4, np.array([[1.0, 2, 3, 4], [NAN, NAN, 1, 2], [2, 3, 4, 5], [0, 0, 0, 0]]))
    rows = ~(table.levels == 1).all(axis=1)
    fields = vars_of(table)
    kept = {name: fields[name][rows] for name in ("levels", "block", "response")}
    outcome = tuple(np.array(table.outcome)[rows])
    one_at_a_time = RunTable(**{**fields, **kept, "outcome": outcome})
    assert bounds_of(one_at_a_time, 0) is None
    assert bounds_of(one_at_a_time, 1) is not None


def test_a_trend_trims_every_level_that_has_a_weight():
    levels = factor("a", 3, ordered=True)
    table = unpaired([1, 2, 3, 4], [1, 2, 3, 4], [5, 6, NAN, NAN])
    trend = LevelContrast(levels, "linear", polynomials(levels)[0], trend="linear")
    bounds = trimming_bounds(table, 0, trend)
    # The linear trend weighs the first level by -1 and the last by 1; the middle one has no weight.
    assert bounds is not None
    assert (bounds.lower, bounds.upper) == pytest.approx((5.5 - 3.5, 5.5 - 1.5))
    assert set(bounds.lost) == {"0", "2"}


def test_bounds_scale_with_the_response():
    values = np.random.default_rng(1).standard_normal((2, 8))
    values[1, :2] = NAN
    one, thousand = bounds_of(crossed((2,), 8, values)), bounds_of(crossed((2,), 8, 1000 * values))
    assert one is not None
    assert thousand is not None
    assert thousand.low == pytest.approx(1000 * one.low)
    assert thousand.high == pytest.approx(1000 * one.high)


def lowest_lost(generator, share, seeds, effect=0.0):
    """Return a crossing 2 x 2 x 2 in which the lowest `share` of the runs at level 1 of the first factor diverge."""
    response = generator.standard_normal((8, seeds)) + generator.standard_normal(seeds)
    response[4:] += effect
    response[4:][response[4:] < np.quantile(response[4:], share)] = NAN
    return crossed((2, 2, 2), seeds, response)


def paired_p(table):
    """Return the p-value of a t test over seeds: the mean at level 1 minus that at level 0, by seed."""
    level, differences = table.levels[:, 0], []
    for seed in range(len(table.blocks)):
        at_seed = table.defined & (table.block == seed)
        if (at_seed & (level == 1)).any():
            differences.append(
                table.response[at_seed & (level == 1)].mean() - table.response[at_seed & (level == 0)].mean()
            )
    return stats.ttest_1samp(differences, 0).pvalue


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.4])
def test_runs_that_fail_because_their_response_is_low_make_no_cause(share):
    generator, studies = np.random.default_rng([18, int(100 * share)]), 2000
    named = vetoed = covered = 0
    for _ in range(studies):
        table = lowest_lost(generator, share, 10)
        bounds = bounds_of(table)
        assert bounds is not None
        covered += bounds.low <= 0 <= bounds.high
        named += (significant := paired_p(table) <= 0.05)
        vetoed += significant and bounds.include_zero
    assert named / studies > 0.12  # the losses alone make a cause
    assert (named - vetoed) / studies <= 0.05
    assert covered / studies >= 0.95


@pytest.mark.slow
def test_a_real_cause_survives_its_losses():
    generator = np.random.default_rng(19)
    bounds = [bounds_of(lowest_lost(generator, 0.1, 10, effect=-2.0)) for _ in range(300)]
    assert np.mean([one is not None and not one.include_zero for one in bounds]) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_the_interval_covers_an_effect_that_differs_by_seed(spread):
    # Lost at random at one level: the mean effect lies between the bounds, near their middle.
    generator, covered = np.random.default_rng([20, int(spread)]), 0
    for _ in range(1000):
        response = generator.standard_normal((8, 8)) + generator.standard_normal(8)
        response[4:] += 1 + spread * generator.standard_normal(8)
        response[4:][generator.random((4, 8)) < 0.1] = NAN
        bounds = bounds_of(crossed((2, 2, 2), 8, response))
        covered += bounds is None or bounds.low <= 1 <= bounds.high
    assert covered / 1000 >= 0.95
