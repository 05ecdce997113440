"""Checks the shapes and dtypes of arrays against their annotations, in every module of the package.

To import this module installs the check, so it must come before the first import of the package: see conftest.py.
"""

from collections.abc import Callable
from inspect import isclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import jaxtyping
from beartype import beartype

Checked = TypeVar("Checked", bound=Callable[..., Any])

ROOT = Path(__file__).parents[1]
UNCHECKED = {
    "ablate.execution.executors.ray": "jaxtyping's wrapper hides from Ray that a remote function is a generator",
}
"""Modules that are left out, each with its reason."""


def checked_modules() -> list[str]:
    """Return the names of all modules and packages, without the unchecked ones and the packages that contain them."""
    files = (ROOT / "ablate").rglob("*.py")
    paths = (file.parent if file.stem == "__init__" else file.with_suffix("") for file in files)
    names = sorted(".".join(path.relative_to(ROOT).parts) for path in paths)
    return [name for name in names if not any(f"{unchecked}.".startswith(f"{name}.") for unchecked in UNCHECKED)]


def mentions_array(hint: Any) -> bool:
    """Return whether a type annotation is an array type, or contains one."""
    return (isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)) or any(map(mentions_array, get_args(hint)))


def checked(function: Checked) -> Checked:
    """Return the function with a check of its array arguments and results.

    Only annotations with an array are checked. mypy checks all others, and beartype cannot check some of them at run
    time: `Self`, quoted names, protocols.
    """
    annotations = getattr(function, "__annotations__", {})
    for name, hint in list(annotations.items()):
        if not mentions_array(hint):
            del annotations[name]
    return beartype(function) if annotations else function


jaxtyping.install_import_hook(checked_modules(), "tests.shape_checker.checked")
