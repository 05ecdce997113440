"""Numbers and names as JSON can hold them."""

from typing import Any

from pydantic_core import to_jsonable_python


def plain(value: Any) -> Any:
    """Return dataclasses, dicts, lists and tuples as dicts and lists; a number that is not finite becomes None."""
    return to_jsonable_python(value, inf_nan_mode="null")
