"""Values and text that are safe to write: plain JSON values, and text without control characters."""

import re
from typing import Any

from pydantic_core import to_jsonable_python

CONTROL = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\U0010ffff]")
"""Characters that could drive a terminal or reverse the direction of text (Unicode TR 36).

C0 and C1 except tab and line feed, DEL, and the overrides of the writing direction.
"""


def plain(value: Any) -> Any:
    """Return dataclasses, dicts, lists and tuples as dicts and lists; a number that is not finite becomes None."""
    return to_jsonable_python(value, inf_nan_mode="null")


def visible(text: str) -> str:
    """Return the text with every control character as an escape sequence: a backslash and its number."""
    return CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)
