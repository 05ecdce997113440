"""Lists in options: items separated by commas; double quotes hold an item together, as in CSV files."""

import re

SEPARATORS = ',=<:"'
_STAND_INS = {ord(character): chr(0xE000 + place) for place, character in enumerate(SEPARATORS)}  # for private use
_SEPARATORS = {ord(stand_in): chr(character) for character, stand_in in _STAND_INS.items()}
_QUOTED = re.compile(r'(^|[,=<:])\s*"((?:[^"]|"")*)"\s*(?=$|[,=<:])')


def names(text: str) -> tuple[str, ...]:
    """Return the names in a list: `kernel,"b,c"` are kernel and b,c."""
    return tuple(plain_item(item) for item in items(text))


def items(text: str, separator: str = ",") -> list[str]:
    """Return the items of a list that are not blank. Separators inside quotes are hidden until `plain_item`."""
    return [item.strip() for item in hidden(text).split(separator) if item.strip()]


def hidden(text: str) -> str:
    """Return the text without quotes; private characters stand for the separators that were inside quotes."""
    return _QUOTED.sub(lambda match: match[1] + match[2].replace('""', '"').translate(_STAND_INS), text)


def plain_item(item: str) -> str:
    """Return an item with its separators."""
    return item.strip().translate(_SEPARATORS)
