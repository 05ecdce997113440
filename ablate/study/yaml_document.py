"""YAML as plain values, with the line and column of each."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from ablate.core.errors import Fault, Loc, SpecError
from ablate.core.plain import CONTROL

CORE = "tag:yaml.org,2002:"
TYPED = {f"{CORE}{name}" for name in ("int", "float", "bool", "null")}
TEXT = {f"{CORE}{name}" for name in ("str", "timestamp", "merge", "value")}  # a date or << is text like any other
COLLECTIONS = {f"{CORE}seq", f"{CORE}map"}
KEY_IN_FRONT = re.compile(r"(\w+(?:\.\w+)*): ")
MOST_BYTES = 256 * 1024
MOST_PROBLEMS = 50  # problems in one message; more would scroll away

Origin = Callable[[int, int], str]
"""Turns a line and a column, from 1, into the start of a message."""


@dataclass(frozen=True)
class Document:
    """The content of a study file: plain values, and the place of each."""

    tree: Any
    origins: dict[Loc, str]
    """FILE:LINE:COL of every key, every list item and the whole; or the override that set it."""

    def error(self, faults: Sequence[Fault]) -> SpecError:
        """Return the error that lists every fault at its place, in the order of the file."""
        order = {loc: position for position, loc in enumerate(self.origins)}
        placed = sorted(map(self._placed, faults), key=lambda fault: order[self._nearest(fault.loc)])
        lines = [f"{self.origins[self._nearest(fault.loc)]}: {fault}" for fault in placed]
        return SpecError("\n".join(lines), placed)

    def _placed(self, fault: Fault) -> Fault:
        """Follow a fault to the key that its text starts with, if any, and to levels in a bare list."""
        loc, text = fault.loc, fault.text
        if named := KEY_IN_FRONT.match(text):
            loc, text = (*loc, *named[1].split(".")), text[named.end() :]
        if loc[:1] == ("factors",) and loc[2:3] == ("levels",) and isinstance(self.tree["factors"][loc[1]], list):
            loc = (*loc[:2], *loc[3:])
        return Fault(loc, text)

    def _nearest(self, loc: Loc) -> Loc:
        while loc not in self.origins:
            loc = loc[:-1]
        return loc


def read(path: Path) -> Document:
    """Read a file. Raises SpecError if it is no YAML mapping of plain values."""
    document = parse(text_of(path), lambda line, column: f"{path}:{line}:{column}")
    if document.tree is None:
        raise SpecError(f"{path}: the file is empty; a study needs at least name, question, factors and seeds")
    if not isinstance(document.tree, dict):
        raise document.error([Fault((), "a study is a mapping of keys, as in name: my-study")])
    return document


def parse(text: str, origin: Origin) -> Document:
    """Parse YAML 1.2 of one document, as its core types: no tags of other types, no aliases, no key twice.

    Raises SpecError with a line for each of these.
    """
    yaml = YAML(typ="safe", pure=True)
    try:
        node = yaml.compose(text)
        builder = _Builder(yaml, origin)
        tree = builder.value(node, ()) if node else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = origin(mark.line + 1, mark.column + 1) if mark else origin(1, 1)
        raise SpecError(f"{where}: not valid YAML: {error.problem or error.context}") from error
    except RecursionError as error:
        raise SpecError(f"{origin(1, 1)}: nested too deep") from error
    except Exception as error:  # the parser meets odd text with errors of any class
        raise SpecError(f"{origin(1, 1)}: not valid YAML: {' '.join(str(error).split())}") from error
    if builder.problems:
        raise SpecError("\n".join(builder.problems[:MOST_PROBLEMS]))
    return Document(tree, builder.origins)


def text_of(path: Path) -> str:
    """Return the text of a file. Raises SpecError where it cannot be read, is too large or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SpecError(f"{path}: has more than {MOST_BYTES // 1024} KiB; that is no study")
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SpecError(f"{path}: there is no such file") from error
    except IsADirectoryError as error:
        raise SpecError(f"{path}: this is a folder; give a study file") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from error
    except (OSError, ValueError) as error:
        raise SpecError(f"{path}: cannot be read: {error}") from error


@dataclass
class _Builder:
    """Turns nodes into values; continues after a problem to find every problem."""

    yaml: YAML
    origin: Origin
    origins: dict[Loc, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def value(self, node: Node, loc: Loc) -> Any:
        self.origins.setdefault(loc, self._at(node))
        if id(node) in self._seen:
            return self._problem(self.origins[loc], loc, "an alias (*name); write the value out")
        self._seen.add(id(node))
        if node.tag not in TYPED | TEXT | COLLECTIONS:
            tag = str(node.tag).replace(CORE, "!!")
            return self._problem(self._at(node), loc, f"found the tag {tag}; only plain values are allowed")
        if isinstance(node, ScalarNode):
            return self._scalar(node, loc)
        if isinstance(node, MappingNode):
            return self._mapping(node, loc)
        return [self.value(item, (*loc, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, Any]:
        block: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag not in TEXT:
                self._problem(self._at(key_node), loc, "found a key that is no text; quote it")
                continue
            key = self._scalar(key_node, loc)
            if key in block:
                self._problem(self._at(key_node), (*loc, key), "found twice; a key may be there once")
                continue
            self.origins[*loc, key] = self._at(key_node)
            block[key] = self.value(value_node, (*loc, key))
        return block

    def _scalar(self, node: ScalarNode, loc: Loc) -> Any:
        if node.tag in TEXT:
            return self._text(node, loc)
        try:
            return self.yaml.constructor.construct_object(node)
        except (ValueError, KeyError):
            kind = str(node.tag).removeprefix(CORE)
            return self._problem(self._at(node), loc, f"found {node.value[:40]!r}; that is no {kind} that can be read")

    def _text(self, node: ScalarNode, loc: Loc) -> Any:
        text = node.value.encode(errors="backslashreplace").decode()  # half of a surrogate pair is no text
        if control := CONTROL.search(text):
            return self._problem(self._at(node), loc, f"found the control character {control[0]!a}; leave it out")
        return text

    def _at(self, node: Node) -> str:
        return self.origin(node.start_mark.line + 1, node.start_mark.column + 1)

    def _problem(self, origin: str, loc: Loc, text: str) -> None:
        self.problems.append(f"{origin}: {Fault(loc, text)}")
