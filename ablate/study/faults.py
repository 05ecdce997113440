"""Validation errors in plain words, each at its place in the study file."""

import json
import re
from itertools import islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ablate.core.errors import Fault, Loc, alternatives, did_you_mean
from ablate.core.spec_base import Spec
from ablate.study.blocks import keys_of, kinds_at, spec_at

LONGEST_QUOTE = 60
MOST_FAULTS = 50
QUOTED = re.compile(r"'([^']+)'")
WORDS = (
    (r"^(Input|String|List|Tuple|Dictionary|Value|Keys) should ", "must "),
    (r"a valid dictionary.*", "a block of keys, {key: value}"),
    (r"a valid tuple", "a valid list"),
    (r" after validation, not \d+$", ""),
)


def faults(error: ValidationError, root: type[Spec], tree: Any) -> list[Fault]:
    """Return the faults of `tree` as a `root`: one per place, at most MOST_FAULTS places.

    Where a value may be one of several types, each has its complaint; those about the value as a whole
    are dropped where another type fits so far that only something inside it is wrong.
    """
    complaints: dict[Loc, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        complaints.setdefault(_place(details, tree), []).append(details)
    relevant = {loc: _relevant(loc, complaints) for loc in islice(complaints, MOST_FAULTS)}
    return [Fault(loc, _text(loc, details, root, tree)) for loc, details in relevant.items() if details]


def _place(details: ErrorDetails, tree: Any) -> Loc:
    place = _as_written(details["loc"], tree)
    if details["type"] == "missing":
        return (*place, details["loc"][-1])
    if details["type"].startswith("union_tag"):
        return (*place, "kind")
    return place


def _as_written(loc: Loc, tree: Any) -> Loc:
    """Drop the parts of `loc` that are not in `tree`: names of a union's branches, or keys left out."""
    place: list[str | int] = []
    for part in loc:
        inside = part in tree if isinstance(tree, dict) else isinstance(tree, list | tuple) and part in range(len(tree))
        if inside:
            place.append(part)
            tree = tree[part]
    return tuple(place)


def _relevant(loc: Loc, complaints: dict[Loc, list[ErrorDetails]]) -> list[ErrorDetails]:
    deeper = any(place[: len(loc)] == loc != place for place in complaints)
    return [details for details in complaints[loc] if not (deeper and details["type"].endswith("_type"))]


def _text(loc: Loc, complaints: list[ErrorDetails], root: type[Spec], tree: Any) -> str:
    first = complaints[0]
    match first["type"]:
        case "extra_forbidden":
            spec = spec_at(root, tree, loc[:-1])
            text = f"unknown key{alternatives(loc[-1], keys_of(spec) if spec else [])}"
        case "missing":
            text = "missing"
        case "union_tag_invalid":
            kind = first["ctx"]["tag"]
            text = f"unknown kind {kind!r}{alternatives(kind, kinds_at(root, tree, loc[:-1]))}"
        case "union_tag_not_found":
            text = f"missing; allowed: {', '.join(kinds_at(root, tree, loc[:-1]))}"
        case "value_error":
            text = str(first["ctx"]["error"])
        case "literal_error":
            hint = did_you_mean(first["input"], QUOTED.findall(first["msg"]))
            text = f"found {quoted(first['input'])}{hint}; {_allowed(complaints)}"
        case "model_attributes_type" if kinds := kinds_at(root, tree, loc):
            text = f"found {quoted(first['input'])}; must be a block with a kind, one of {', '.join(kinds)}"
        case _:
            text = f"found {quoted(first['input'])}; {_allowed(complaints)}"
    return text


def _allowed(complaints: list[ErrorDetails]) -> str:
    """Return in plain words what is allowed."""
    allowed = []
    for details in complaints:
        message = details["msg"]
        for pattern, words in WORDS:
            message = re.sub(pattern, words, message)
        allowed.append(message)
    return " or ".join(dict.fromkeys(allowed)).replace(" or must be ", " or ")


def quoted(value: Any) -> str:
    """Return a value as a study file writes it, shortened if it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."
