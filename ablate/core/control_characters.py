"""Characters that drive a terminal or turn text round, and are no part of any word."""

import re

CONTROL = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2029\u202f-\u2065\u206a-\U0010ffff]")
"""C0 and C1 but for tab and line feed, DEL, and the overrides of writing direction (Unicode TR 36)."""


def visible(text: str) -> str:
    """Return text with every control character written out, as a backslash and its number."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
