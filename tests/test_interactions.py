"""Interactions against planted ones."""

from itertools import product

import pandas as pd
import pytest

from ablate.analysis.bootstrap import Resampling
from ablate.analysis.effects import effects
from ablate.analysis.interactions import interactions
from ablate.inference.factor_levels import FactorLevels

A = FactorLevels("a", "A", ("0", "1"), "0")
B = FactorLevels("b", "B", ("0", "1"), "0")
C = FactorLevels("c", "C", ("0", "1"), "0")


def table(response, seeds=(0, 1)) -> pd.DataFrame:
    rows = [
        (*map(str, levels), seed, response(*levels, seed)) for levels in product((0, 1), repeat=3) for seed in seeds
    ]
    return pd.DataFrame(rows, columns=["a", "b", "c", "seed", "response"])


def crossed(a, b, c, seed):
    """A and B act only together: the response is raised where they are equal."""
    return 0.2 * (1 if a == b else -1) + 0.05 * c + seed


def test_a_pure_interaction_has_no_main_effects():
    found = {effect.factor: effect.estimate.value for effect in effects(table(crossed), (A, B, C), Resampling())}
    assert found == pytest.approx({"a": 0, "b": 0, "c": 0.05})


def test_a_pure_interaction_is_recovered():
    first, *others = interactions(table(crossed), (A, B, C), Resampling())
    assert first.factors == ("a", "b")
    assert first.estimate.value == pytest.approx(0.8)  # (0.2 - -0.2) - (-0.2 - 0.2)
    assert [other.estimate.value for other in others] == pytest.approx([0, 0])


def test_an_additive_study_has_no_interactions():
    found = interactions(table(lambda a, b, c, seed: a + 2 * b - c + seed), (A, B, C), Resampling())
    assert [interaction.estimate.value for interaction in found] == pytest.approx([0, 0, 0])


def test_the_means_are_those_of_the_four_combinations():
    first = interactions(table(crossed), (A, B, C), Resampling())[0]
    middle = 0.5 + 0.025  # of the seeds, and of C
    assert first.means == pytest.approx((middle + 0.2, middle - 0.2, middle - 0.2, middle + 0.2))


def test_every_matched_four_is_counted():
    first = interactions(table(crossed), (A, B, C), Resampling())[0]
    assert (first.estimate.matched, first.estimate.agreeing, first.estimate.dropped) == (4, 4, 0)


def test_a_four_without_a_response_is_dropped():
    runs = table(crossed)
    runs.loc[0, "response"] = float("nan")
    assert interactions(runs, (A, B, C), Resampling())[0].estimate.dropped == 1


def test_three_levels_give_every_pair_of_levels():
    wide = FactorLevels("a", "A", ("0", "1", "2"), "0")
    rows = [(str(a), str(b), 0, a * b) for a in range(3) for b in range(2)]
    runs = pd.DataFrame(rows, columns=["a", "b", "seed", "response"])
    found = {item.levels: item.estimate.value for item in interactions(runs, (wide, B), Resampling())}
    assert found == {("1", "1"): 1, ("2", "1"): 2}
