"""Critical values of t over the looks: against published figures, a simulation, and Student's t at a single look."""

import numpy as np
import pytest
from scipy import stats

from ablate.inference.sequential_t import critical_values, nominal_level
from ablate.inference.settings import Looks

LOOKS = Looks(first=6, last=12)


def simulated(looks, alpha, *, two_sided, studies=400_000):
    """Return the critical values that studies without an effect need, one look after the other."""
    generator = np.random.default_rng(5)
    values = generator.normal(size=(studies, looks.last))
    waiting, cuts = np.ones(studies, bool), []
    for n in range(looks.first, looks.last + 1):
        t = np.sqrt(n) * values[:, :n].mean(axis=1) / values[:, :n].std(axis=1, ddof=1)
        t = np.abs(t) if two_sided else t
        crossings = round(alpha * n / looks.last * studies) - int((~waiting).sum())
        cuts.append(np.sort(t[waiting])[-crossings])
        waiting &= t < cuts[-1]
    return cuts


@pytest.mark.parametrize("two_sided", [False, True])
def test_they_are_those_of_a_simulation(two_sided):
    values = critical_values(LOOKS, 0.05, 12, two_sided=two_sided)
    assert values == pytest.approx(simulated(LOOKS, 0.05, two_sided=two_sided), abs=0.06)


def test_they_are_the_measured_ones_of_six_to_twelve_seeds():
    # simulated when the method was designed, with a standard error below 0.01
    assert critical_values(LOOKS, 0.05, 12) == pytest.approx([2.57, 2.71, 2.67, 2.59, 2.52, 2.43, 2.35], abs=0.02)


def test_a_single_look_has_the_quantile_of_students_t():
    looks = Looks(first=9, last=9)
    assert critical_values(looks, 0.05, 9)[0] == pytest.approx(stats.t.ppf(0.95, 8), abs=1e-3)
    assert critical_values(looks, 0.05, 9, two_sided=True)[0] == pytest.approx(stats.t.ppf(0.975, 8), abs=1e-3)


def test_later_looks_change_none_of_the_earlier_values():
    assert critical_values(LOOKS, 0.05, 8) == critical_values(LOOKS, 0.05, 12)[:3]


def test_the_nominal_level_is_the_tail_of_t_beyond_the_critical_value():
    assert nominal_level(LOOKS, 0.05, 6) == pytest.approx(
        0.05 * 6 / 12, rel=1e-3
    )  # the first look spends all of its share
    assert nominal_level(LOOKS, 0.05, 12) == pytest.approx(stats.t.sf(2.357, 11), rel=1e-2)
    assert nominal_level(LOOKS, 0.05, 12, two_sided=True) == pytest.approx(2 * stats.t.sf(2.836, 11), rel=1e-2)


def test_nothing_is_cleared_before_the_first_look():
    assert nominal_level(LOOKS, 0.05, 5) == 0
