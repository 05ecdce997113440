"""The text of a study file in the names and defaults of today: only what changed is rewritten, comments stay."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from ablate.core.errors import AblateError, Loc, SpecError
from ablate.storage.records import SCHEMA
from ablate.study.schema import NUMBER, STEPS, Step, schema_number
from ablate.study.schema_upgrade import Upgrade, upgrade_study
from ablate.study.yaml_document import parse, read, text_of


@dataclass(frozen=True)
class Place:
    """Where a value stands in the text: its node, and its key and mapping where it is the value of a key."""

    value: Node
    key: ScalarNode | None = None
    mapping: MappingNode | None = None


@dataclass(frozen=True)
class Edit:
    """Replaces the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


def upgraded_text(file: Path, steps: Mapping[int, Step] = STEPS) -> tuple[str, Upgrade]:
    """Return the text of a study file brought up to date, and what was done to it.

    The text names the newest schema. Raises SpecError where the file is no YAML mapping, is of a newer schema, or uses
    a field that this version no longer has.
    """
    document, text = read(file), text_of(file)
    root = YAML(typ="safe", pure=True).compose(text)
    try:
        number = schema_number(document.tree)
        upgrade = upgrade_study(document.tree, number, dict(_places(root)), steps)
    except SpecError as error:
        raise document.error(error.faults) from error
    newline = "\r\n" if "\r\n" in text else "\n"
    edits = sorted(_edits(text, root, upgrade, newline), key=lambda edit: edit.start, reverse=True)
    for edit in edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    _require_the_same(text, upgrade.tree, file)
    return text, upgrade


def _places(root: Node) -> Iterator[tuple[Loc, Place]]:
    """Yield every place of a document, as read() names it."""
    pending: list[tuple[Loc, Place]] = [((), Place(root))]
    while pending:
        loc, place = pending.pop()
        yield loc, place
        if isinstance(place.value, MappingNode):
            pending += [((*loc, key.value), Place(value, key, place.value)) for key, value in place.value.value]
        elif not isinstance(place.value, ScalarNode):
            pending += [((*loc, position), Place(value)) for position, value in enumerate(place.value.value)]


def _edits(text: str, root: MappingNode, upgrade: Upgrade, newline: str) -> Iterator[Edit]:
    places: dict[Loc, Place] = upgrade.origins
    for loc, place in places.items():
        if place.key is not None and place.key.value != loc[-1]:
            yield _in_place_of(place.key, str(loc[-1]), text)
    for loc in dict.fromkeys(upgrade.rewritten):
        yield _in_place_of(places[loc].value, str(_at(upgrade.tree, loc)), text)
    for place in upgrade.removed:
        yield _removal(place, text)
    for loc in upgrade.added:
        if loc[:-1] not in upgrade.added:
            parent = places[loc[:-1]].value
            if isinstance(parent, MappingNode):
                yield _insertion(parent, str(loc[-1]), _at(upgrade.tree, loc), newline)
    number = next((value for key, value in root.value if key.value == NUMBER), None)
    yield _insertion(root, NUMBER, SCHEMA, newline) if number is None else _in_place_of(number, str(SCHEMA), text)


def _in_place_of(node: Node, value: str, text: str) -> Edit:
    start, end = node.start_mark.index, node.end_mark.index
    if text[start] in "|>":  # a block of text, which ends where the next line begins
        return Edit(start, end, f"{value}\n")
    quote = text[start] if text[start] in "'\"" else ""
    return Edit(start, end, f"{quote}{value}{quote}")


def _insertion(mapping: MappingNode, key: str, value: Any, newline: str) -> Edit:
    """Write a new first key into a mapping."""
    pair = f"{key}: {_flow(value)}"
    start: int = mapping.start_mark.index
    if mapping.flow_style:
        return Edit(start + 1, start + 1, f"{pair}, " if mapping.value else pair)
    return Edit(start, start, f"{pair}{newline}{' ' * mapping.start_mark.column}")


def _flow(value: Any) -> str:
    """Write a value in YAML's flow style, words without quotes where they are plain."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _removal(place: Place, text: str) -> Edit:
    """Take a key with its value out of its mapping; a line that holds nothing else goes whole."""
    mapping, key = place.mapping, place.key
    if mapping is None or key is None:
        raise AblateError("only a key can be removed from a study file")
    position = next(index for index, (known, _) in enumerate(mapping.value) if known is key)
    start, end = key.start_mark.index, _end(place.value)
    following = mapping.value[position + 1][0].start_mark.index if position + 1 < len(mapping.value) else None
    if len(mapping.value) == 1:
        return Edit(start, end, "" if mapping.flow_style else "{}")
    line = text.rfind("\n", 0, start) + 1
    if not mapping.flow_style and not text[line:start].strip():
        after = text.find("\n", end)
        return Edit(line, len(text) if after < 0 else after + 1, "")
    if following is not None:
        return Edit(start, following, "")
    return Edit(_end(mapping.value[position - 1][1]), end, "")


def _end(node: Node) -> int:
    """Return where a value ends. The end of a block counts the blank lines behind it, that of its last value not."""
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, MappingNode) else last)


def _at(tree: Any, loc: Loc) -> Any:
    for key in loc:
        tree = tree[key]
    return tree


def _require_the_same(text: str, tree: Any, file: Path) -> None:
    """Refuse a text that does not say what the upgraded tree says, so that no file is spoiled."""
    try:
        written = parse(text, lambda line, column: f"{file}:{line}:{column}").tree
        written.pop(NUMBER)
    except SpecError:
        written = None
    if written != tree:
        raise AblateError(f"{file}: its layout is too unusual to be rewritten; it was left unchanged: rename by hand")
