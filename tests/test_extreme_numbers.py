"""Responses of any size: the verdicts and numbers are those of the same table in another unit."""

import json

import numpy as np
import pytest

from ablate.inference.infer import infer, infer_jointly
from ablate.inference.kind_of_test import KindOfTest
from ablate.inference.settings import InferenceSettings
from tests.drawn_tables import crossed, noise, own_seeds, random_search, table

pytestmark = pytest.mark.filterwarnings("error")

LAYOUTS = {
    KindOfTest.SEED_FLIPS: crossed((3, 2, 2), 7),
    KindOfTest.WILD_FLIPS: random_search((2,) * 5, 60, 10, np.random.default_rng(3)),
    KindOfTest.RUN_FLIPS: own_seeds((2, 2), 40, np.random.default_rng(3)),
    KindOfTest.F_TEST: crossed((3, 2, 2), 4),
}
UNITS = [(1e15 + 3, 1.0), (0.0, 1e300), (0.0, 1e-300), (0.0, 1e307)]


def runs(kind, shift=0.0, scale=1.0):
    """Return a table in which A is a cause; eighths are exact beside 1e15."""
    rows = LAYOUTS[kind]
    eighths = np.round(8 * (noise(rows, np.random.default_rng(0)) + 3 * (rows[:, 0] > 0))) / 8
    response = shift + scale * eighths
    response[[3, 5]] = np.nan
    return table(rows, response, outcome=["diverged"] * len(rows))


def settings(scale=1.0):
    return InferenceSettings(margin=0.5 * scale, draws=499)


def numbers(inference, shift=0.0, scale=1.0):
    """Return every number that has the response's unit in the unit of the first table, and all others."""
    effects = [effect for verdict in inference.verdicts for effect in verdict.effects]
    bounds = [bounds for verdict in inference.verdicts for bounds in verdict.bounds]
    in_unit = [(e.estimate, e.low or 0, e.high or 0, *e.by_block) for e in effects]
    in_unit += [(b.lower, b.upper, b.low, b.high) for b in bounds]
    in_unit += [(s.estimate, s.low or 0, s.high or 0) for pair in inference.interactions for s in pair.simple_effects]
    means = [mean - shift for pair in inference.interactions for row in pair.means for mean in row]
    tests = [item for verdict in inference.verdicts for item in (verdict.test.p, verdict.p_adjusted)]
    tests += [effect.standardized for effect in effects] + [share.shapley for share in inference.importance]
    finite = [number for group in in_unit for number in group if np.isfinite(number)]
    return np.array([*finite, *means]) / scale, [number for number in tests if number is not None]


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize(("shift", "scale"), UNITS)
def test_numbers_of_any_size_have_the_verdicts_of_the_same_table_in_another_unit(kind, shift, scale):
    plain, moved = infer(runs(kind), settings()), infer(runs(kind, shift, scale), settings(scale))
    assert plain.kind is kind
    assert plain.verdicts[0].verdict.claims_effect
    assert [(v.verdict, v.reason, v.partners) for v in moved.verdicts] == [
        (v.verdict, v.reason, v.partners) for v in plain.verdicts
    ]
    (in_unit, others), (expected, other_expected) = numbers(moved, shift, scale), numbers(plain)
    tolerance = 0.26 if shift else 1e-9  # a mean beside 1e15 is rounded to an eighth
    assert in_unit == pytest.approx(expected, abs=tolerance)
    assert others == pytest.approx(other_expected, rel=1e-6)
    assert moved.settings == settings(scale)
    json.dumps(moved.to_json(), allow_nan=False)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_three_factors_that_act_together_are_not_cleared_in_any_unit(scale):
    # Squares of 1e-300 are 0: a sum of squares would show no difference between contexts.
    rows = crossed((2, 2, 2), 12)
    together = 2.0 * (rows[:, :3].sum(axis=1) % 2)
    result = infer(table(rows, scale * (together + noise(rows, np.random.default_rng(1)))), settings(scale))
    assert all(not verdict.verdict.claims_equivalence for verdict in result.verdicts)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_responses_that_are_judged_together_may_have_any_unit(scale):
    plain, huge = runs(KindOfTest.SEED_FLIPS), runs(KindOfTest.SEED_FLIPS, 0.0, scale)
    result = infer_jointly({"first": plain, "second": huge}, {"first": settings(), "second": settings(scale)})
    first, second = ([verdict.p_adjusted for verdict in result[name].verdicts] for name in ("first", "second"))
    assert first == pytest.approx(second)
    assert result["second"].verdicts[0].effects[0].estimate / scale == pytest.approx(
        result["first"].verdicts[0].effects[0].estimate
    )


def test_equal_responses_decide_nothing_whatever_their_size():
    for value in (0.0, 0.1, 1e15 + 3, 1e300, 1e-300):
        rows = crossed((2, 2), 6)
        result = infer(table(rows, np.full(len(rows), value)), InferenceSettings())
        assert [verdict.test.p for verdict in result.verdicts] == [1.0, 1.0]
        assert [verdict.verdict for verdict in result.verdicts] == ["undecided", "undecided"]
