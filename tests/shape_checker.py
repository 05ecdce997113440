"""Checks annotations while the tests run: every function and class of the package, by beartype.

`--jaxtyping-packages` in pyproject.toml names it; array annotations are checked for their shapes and dtypes.
"""

from collections.abc import Callable
from typing import Any, Self, TypeVar

from beartype import BeartypeConf, beartype

Checked = TypeVar("Checked", bound=Callable[..., Any])

CONFIGURATION = BeartypeConf(is_pep484_tower=True)  # an int passes for a float, as in every type checker


def checked(function: Checked) -> Checked:
    """Return a function or class that checks its arguments and results.

    A result of type `Self` is not checked: beartype allows it only in a decorated class, and jaxtyping decorates each
    method by itself. A quoted type is not checked either: the specs' `build` names types that only mypy imports.
    """
    annotations = getattr(function, "__annotations__", {})
    for name, annotation in list(annotations.items()):
        if isinstance(annotation, str) or (name == "return" and annotation is Self):
            del annotations[name]
    return beartype(conf=CONFIGURATION)(function)
