"""Ctrl-C and SIGTERM as a request to stop between two steps, not in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether a signal to stop has arrived. It is the handler of both signals."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; a second one interrupts at once."""
        if self.requested:
            signal.default_int_handler(number, frame)
        self.requested = True


@contextmanager
def listening() -> Iterator[Interruption]:
    """Record the first signal during the block. A block inside another one has the same interruption.

    Outside the main thread, which alone can handle signals, none is ever recorded.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Interruption()
        return
    outer = signal.getsignal(signal.SIGINT)
    if isinstance(outer, Interruption):
        yield outer
        return
    interruption = Interruption()
    former = {number: signal.signal(number, interruption) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
