"""How many digits of a number a reader needs."""

import math


def decimals(scale: float) -> int:
    """Return how many digits after the point to write numbers of this size with: two from 0.1 to 10."""
    if not math.isfinite(scale) or scale == 0:
        return 2
    exponent = math.floor(math.log10(abs(scale)))
    return max(0, 2 - exponent) if exponent >= 0 else 1 - exponent
