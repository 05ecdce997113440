"""The one place that decides between the fast way and torch's own operations, and whether the gates are compiled."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import ParamSpec, TypeVar

import torch

from ablate.components.models.tap import Tap

ENABLED = True
"""False: every layer and every batch normalization uses torch's own operations and gradients."""

MIN_PIXELS = (
    10_000_000  # of a training, over all frames and steps: fewer do not earn back some ten seconds of compiling
)
MAX_LAYER_SHAPES = 64  # compiled in one process; torch's own limit, 8, is meant for whole programs

P = ParamSpec("P")
R = TypeVar("R")

_gates_are_compiled: ContextVar[bool] = ContextVar("gates_are_compiled", default=False)


def scan_is_available(tap: Tap, device: torch.device) -> bool:
    """Return whether the fused scan may be used: no tap installed, no autocast, and compiled gates or no gradient.

    Without compiled gates, a gradient through the scan takes longer than one through torch's own operations.
    """
    has_autocast = device.type == "cuda" and torch.is_autocast_enabled("cuda")
    has_tap = type(tap) is not Tap
    return ENABLED and not has_tap and not has_autocast and (gates_are_compiled() or not torch.is_grad_enabled())


def is_worth_compiling(pixels: int) -> bool:
    """Return whether a training over that many pixels earns back the time of compiling.

    The answer depends on the run alone, so that its numbers do not depend on what the process ran before.
    """
    return pixels >= MIN_PIXELS


@contextmanager
def plain_operations() -> Iterator[None]:
    """Use torch's own operations inside the block, as torch.export needs them."""
    global ENABLED  # noqa: PLW0603  # the switch itself
    former, ENABLED = ENABLED, False
    try:
        yield
    finally:
        ENABLED = former


@contextmanager
def compiled_gates(enabled: bool) -> Iterator[None]:  # noqa: FBT001  # the only thing to say
    """Compile the gates of what is trained inside the block, if enabled and if there is a C++ compiler."""
    token = _gates_are_compiled.set(enabled)
    try:
        yield
    finally:
        _gates_are_compiled.reset(token)


def gates_are_compiled() -> bool:
    """Return whether this code runs inside an enabled `compiled_gates` block, and the fast way is enabled."""
    return ENABLED and _gates_are_compiled.get()


def compiled_if(function: Callable[P, R], enabled: bool) -> Callable[P, R]:  # noqa: FBT001  # the caller's condition
    """Return the function compiled by inductor into one pass over memory, if enabled and possible; else itself."""
    return _compiled(function) if enabled and _can_compile() else function


@cache
def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    return torch.compile(function, dynamic=False)


@cache
def _can_compile() -> bool:
    """Return whether inductor works here, after compiling a small function; warn if it does not."""
    torch._dynamo.config.recompile_limit = MAX_LAYER_SHAPES  # noqa: SLF001  # documented, but has no public name
    torch._inductor.config.compile_threads = 1  # noqa: SLF001  # a worker has one core: no pool of compilers
    try:
        torch.compile(_plus_one, dynamic=False)(torch.zeros(2))
    except Exception as error:  # noqa: BLE001  # a missing compiler shows in many ways, and none of them is fatal
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"gates run uncompiled, about half as fast: torch.compile failed ({reason})", stacklevel=2)
        return False
    return True


def _plus_one(x: torch.Tensor) -> torch.Tensor:
    return x + 1
