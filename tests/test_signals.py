"""A signal to stop is noted first and obeyed between two steps; a block inside another one notes the same signal."""

import os
import signal

import pytest

from ablate.execution.signals import listening

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted_and_the_second_interrupts(number):
    with pytest.raises(KeyboardInterrupt), listening() as interruption:  # noqa: PT012  # both signals belong together
        os.kill(os.getpid(), number)
        assert interruption.requested
        os.kill(os.getpid(), number)


def test_a_signal_before_an_inner_block_is_known_in_it():
    with listening() as outer:
        os.kill(os.getpid(), signal.SIGINT)
        with listening() as inner:
            assert inner.requested
        assert inner is outer


def test_the_end_of_an_inner_block_leaves_the_outer_one_listening():
    with listening() as outer:
        with listening():
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        assert outer.requested


def test_the_handlers_of_before_are_back_after_the_block():
    before = [signal.getsignal(number) for number in SIGNALS]
    with listening():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before
