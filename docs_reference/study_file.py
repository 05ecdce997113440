"""The page of all keys of a study file, from the JSON Schema that `ablate schema` prints."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ablate.study import study_file

Block = Mapping[str, Any]
"""A part of a JSON Schema."""

INTRODUCTION = """# All keys of a study file

`python -m docs_reference` writes this page from the JSON Schema of study files, which `ablate schema` prints.
[Studies](../studies.md) explains how a study is written. A factor is a path below `base`, for example
`model.kernel_size`.
"""
REFERENCE = re.compile(r"#/\$defs/(\w+)")
TYPES = {"integer": "integer", "number": "number", "string": "text", "boolean": "`true`, `false`", "null": "none"}
LIMITS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def study_file_page() -> str:
    """Return the page in Markdown: a section for each block of a study file, with a row for each key."""
    schema = study_file.schema()
    titles: dict[str, str] = {}
    blocks: Block = schema["$defs"]
    _add_titles(titles, schema, "", blocks)
    named = {"The study": schema} | {title: blocks[name] for name, title in titles.items()}
    sections = [_section(title, block, titles, blocks) for title, block in named.items()]
    return "\n".join([INTRODUCTION, *sections])


def _add_titles(titles: dict[str, str], block: Block, path: str, blocks: Block) -> None:
    """Add the section title of every block that a block names, in the order of reading: its path, then its kind."""
    for key, described in block["properties"].items():
        place = f"{path}.{key}".lstrip(".")
        ordered = {word: part for word, part in described.items() if word != "discriminator"}  # its names are sorted
        for name in dict.fromkeys(REFERENCE.findall(json.dumps(ordered))):
            if name not in titles:
                kind = blocks[name]["properties"].get("kind", {}).get("const")
                titles[name] = place if kind is None else f"{place}: {kind}"
                _add_titles(titles, blocks[name], place, blocks)


def _section(title: str, block: Block, titles: Mapping[str, str], blocks: Block) -> str:
    """Return a heading, what the block is, and the table of its keys."""
    properties = {key: described for key, described in block["properties"].items() if key != "kind"}
    rows = [
        f"| `{key}` | {_value(described, titles)} | {_default(described, key in block.get('required', []))} "
        f"| {_meaning(described, blocks)} |"
        for key, described in properties.items()
    ]
    table = ["| key | value | default | meaning |", "|---|---|---|---|", *rows, ""] if rows else []
    return "\n".join([f"## {title}", "", block["description"], "", *table])


def _value(described: Block, titles: Mapping[str, str]) -> str:
    """Return in words which values a key takes, with links to the sections of blocks."""
    return " or ".join(dict.fromkeys(_values(described, titles)))


def _values(described: Block, titles: Mapping[str, str]) -> Iterator[str]:
    if "$ref" in described:
        title = titles[REFERENCE.findall(described["$ref"])[0]]
        yield f"[{title.rpartition(': ')[2]}](#{_anchor(title)})"
    elif "const" in described:
        yield f"`{described['const']}`"
    elif "enum" in described:
        yield ", ".join(f"`{word}`" for word in described["enum"])
    elif described.get("type") == "array":
        inner = _value(described["items"], titles) if described.get("items") else "values"
        yield f"list{_range(described, 'minItems', 'maxItems')} of {inner}"
    elif described.get("type") == "object":
        inner = described.get("additionalProperties") or next(iter(described["patternProperties"].values()))
        yield f"block of names, each with {_value(inner, titles)}"
    elif described.get("type") in TYPES:
        yield f"{TYPES[described['type']]}{_bounds(described)}"
    else:
        for choice in [*described.get("anyOf", []), *described.get("oneOf", [])]:
            yield from _values(choice, titles)


def _bounds(described: Block) -> str:
    """Return the range of a number in words, or nothing."""
    if "minimum" in described and "maximum" in described:
        return f", {described['minimum']:,} to {described['maximum']:,}"
    limits = [f"{sign} {described[name]:,}" for name, sign in LIMITS.items() if name in described]
    return f", {', '.join(limits)}" if limits else ""


def _range(described: Block, least: str, most: str) -> str:
    """Return how many items a list may have, or nothing if that is open."""
    low, high = described.get(least), described.get(most)
    if low is None and high is None:
        return ""
    if low == high:
        return f" ({low})"
    return f" ({low or 0} to {high:,})" if high else f" (at least {low})"


def _default(described: Block, is_required: bool) -> str:  # noqa: FBT001  # a word of the schema
    if is_required:
        return "required"
    if "default" not in described:
        return "empty" if described.get("type") in {"array", "object"} else ""
    default = described["default"]
    if isinstance(default, dict):
        return f"`{default['kind']}`" if "kind" in default else "its defaults"  # the section of the block has them
    if default is None:
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _meaning(described: Block, blocks: Block) -> str:
    """Return the description of a key, or of its block, on one line, as a cell of a table needs it."""
    text = described.get("description")
    if text is None and "$ref" in described:
        text, *_ = blocks[REFERENCE.findall(described["$ref"])[0]]["description"].split("\n\n")
    return " ".join((text or "").split()).replace("|", "\\|")


def _anchor(title: str) -> str:
    """Return the anchor of a heading, as GitHub and the site make it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
