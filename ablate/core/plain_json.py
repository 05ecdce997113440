"""Numbers and names as JSON can hold them."""

import math
from typing import Any


def plain(value: Any) -> Any:
    """Return nested dicts, lists and tuples as dicts and lists; a number that is not finite becomes None."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
