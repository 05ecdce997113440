"""Somebody else's error, in one line."""

LONGEST = 300


def first_line(error: BaseException) -> str:
    """Return the error's kind and the first line of what it says, cut at LONGEST characters."""
    line = next(iter(str(error).strip().splitlines()), "")
    told = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return told if len(told) <= LONGEST else told[:LONGEST] + "..."
