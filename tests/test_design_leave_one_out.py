import pytest

from ablate.core.errors import DesignError
from ablate.design import DesignFactor, LeaveOneOut, OneAtATime

KERNEL = DesignFactor("kernel", ("1", "3", "5"), 1)
LOSS = DesignFactor("loss", ("mse", "bce"), 0)


def test_each_factor_alone_is_taken_back_from_the_last_levels():
    head = DesignFactor("head", ("conv3d", "frame"), 0)
    norm = DesignFactor("norm", ("none", "batch"), 0)
    assert LeaveOneOut().cells([norm, LOSS, head]) == [(1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)]


def test_levels_that_neither_system_has_are_run_beside_the_complete_one():
    assert LeaveOneOut().cells([KERNEL, LOSS]) == [(2, 1), (0, 1), (1, 1), (2, 0), (1, 0)]


def test_the_complete_system_may_be_named():
    assert LeaveOneOut(complete={"kernel": "1"}).cells([KERNEL, LOSS]) == [(0, 1), (1, 1), (2, 1), (0, 0), (1, 0)]


def test_of_one_factor_nothing_comes_twice():
    assert LeaveOneOut().cells([LOSS]) == [(1,), (0,)]
    assert LeaveOneOut().cells([KERNEL]) == [(2,), (0,), (1,)]


@pytest.mark.parametrize(
    ("complete", "message"),
    [
        ({"kernal": 5}, r"complete: unknown factor 'kernal' .did you mean 'kernel'\?.; allowed: kernel, loss"),
        ({"kernel": 7}, "complete: 'kernel' has no level '7'; allowed: 1, 3, 5"),
        ({"kernel": 3}, "complete: 'kernel' has the base run's level '3', so there is nothing to reset"),
    ],
)
def test_a_complete_system_that_makes_no_sense_is_told(complete, message):
    with pytest.raises(DesignError, match=message):
        LeaveOneOut(complete=complete).cells([KERNEL, LOSS])


def test_it_needs_the_base_run_among_the_levels():
    with pytest.raises(DesignError, match="leave_one_out starts from the base run, but the base's value of 'kernel'"):
        LeaveOneOut().cells([DesignFactor("kernel", ("1", "3"), None)])


@pytest.mark.parametrize("design", [OneAtATime, LeaveOneOut])
def test_designs_beside_one_run_say_that_they_see_no_interaction(design):
    assert "no interaction can be seen" in design.caveat
