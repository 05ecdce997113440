"""Whether the gates are compiled into one pass over memory, or run as torch's own operations one by one."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import ParamSpec, TypeVar

import torch

SHAPES = 64
"""So many shapes of layer may be compiled in one process; torch's own limit, 8, is meant for whole programs."""

P = ParamSpec("P")
R = TypeVar("R")

_fused: ContextVar[bool] = ContextVar("fused", default=False)


@contextmanager
def fused(wanted: bool) -> Iterator[None]:  # noqa: FBT001  # it is the whole question
    """Compile the gates of what is trained inside, if wanted; without a C++ compiler they stay as they are."""
    token = _fused.set(wanted)
    try:
        yield
    finally:
        _fused.reset(token)


def is_fused() -> bool:
    """Tell whether gates are to be compiled."""
    return _fused.get()


def in_one_pass(function: Callable[P, R], wanted: bool) -> Callable[P, R]:  # noqa: FBT001  # the caller's own answer
    """Return the function compiled by inductor, if wanted and possible, else itself."""
    return _compiled(function) if wanted and _can_compile() else function


@cache
def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    return torch.compile(function, dynamic=False)


@cache
def _can_compile() -> bool:
    """Tell whether inductor works here, by letting it compile something small; warn if not."""
    torch._dynamo.config.recompile_limit = SHAPES  # noqa: SLF001  # documented, but has no public name
    torch._inductor.config.compile_threads = 1  # noqa: SLF001  # no pool of compilers beside a worker a core
    try:
        torch.compile(_probe, dynamic=False)(torch.zeros(2))
    except Exception as error:  # noqa: BLE001  # a missing compiler shows in many ways, and none of them is fatal
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"gates run uncompiled, about half as fast: torch.compile failed ({reason})", stacklevel=2)
        return False
    return True


def _probe(x: torch.Tensor) -> torch.Tensor:
    return x + 1
