"""Values set from the command line, put over those of the file."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pydantic_core import to_jsonable_python

from ablate.core.errors import Fault, Loc, SpecError, alternatives
from ablate.core.spec_base import Spec
from ablate.study import RunSpec, StudySpec
from ablate.study.blocks import spec_at
from ablate.study.schema import current_path
from ablate.study.yaml_document import Document, parse


def overridden(document: Document, overrides: Sequence[str]) -> tuple[Document, dict[str, str]]:
    """Return the document with every PATH=VALUE put in, and the old paths that were used with their new names.

    Later overrides win.

    VALUE is YAML, so a whole block can be given: `loss={kind: ssim, window: 7}`. PATH starts at a key of the
    study (`seeds`, `budget.minutes`) or of the run (`model.filters`, short for `base.model.filters`). What the
    file leaves out on the way there has its default; another `kind` replaces its whole block. Raises SpecError
    where the text cannot be read.
    """
    tree, origins, renamed = deepcopy(document.tree), dict(document.origins), dict[str, str]()
    for override in overrides:
        label = f"--set {override}"
        path, equals, text = override.partition("=")
        if not equals or "" in path.strip().split("."):
            raise SpecError(f"{label}: write PATH=VALUE, as in --set model.filters=8")
        current = _current(path.strip())
        if current != path.strip():
            renamed[path.strip()] = current
        loc = _address(current, label)
        value = parse(text, lambda *_, label=label: label).tree
        _put(tree, loc, value, label)
        _claim(origins, loc, label)
    return Document(tree, origins), renamed


def _current(path: str) -> str:
    """Return the path of an override in the names of today."""
    first, _, below = path.partition(".")
    if first in ("base", "factors") and below:
        return f"{first}.{current_path(below)}"
    return current_path(path, of_study=first in StudySpec.model_fields)


def _address(path: str, label: str) -> Loc:
    first, *below = path.split(".")
    if first == "factors" and below:
        return (first, ".".join(below))
    if first in StudySpec.model_fields:
        return (first, *below)
    if first in RunSpec.model_fields:
        return ("base", first, *below)
    keys = (StudySpec.model_fields.keys() | RunSpec.model_fields) - {"seed"}
    raise SpecError(f"{label}: {Fault((first,), f'unknown key{alternatives(first, keys)}')}")


def _put(tree: dict[str, Any], loc: Loc, value: Any, label: str) -> None:
    block: Any = tree
    for depth, key in enumerate(loc[:-1]):
        if block.get(key) is None:
            block[key] = _default(spec_at(StudySpec, tree, loc[:depth]), str(key))
        block = block[key]
        if not isinstance(block, dict):
            raise SpecError(f"{label}: {Fault(loc[: depth + 1], f'found {block!r}; nothing lies below it')}")
    if loc[-1] == "kind" and value != block.get("kind"):
        block.clear()  # the keys of another kind mean nothing to this one
    block[loc[-1]] = value


def _default(spec: type[Spec] | None, key: str) -> Any:
    """Write out the default of a key that the file leaves out; a key without one starts as an empty block."""
    known = spec.model_fields if spec else {}
    if key not in known or known[key].is_required():
        return {}
    default = to_jsonable_python(known[key].default)
    if key == "base":
        del default["seed"]  # which no base may have
    return default


def _claim(origins: dict[Loc, str], loc: Loc, label: str) -> None:
    """Blame the override for what it sets, and for the whole block where it sets the block's kind."""
    claimed = loc[:-1] if loc[-1] == "kind" else loc
    for place in [place for place in origins if place[: len(claimed)] == claimed]:
        del origins[place]
    for depth in range(1, len(claimed) + 1):
        origins.setdefault(claimed[:depth], label)
