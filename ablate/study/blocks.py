"""Which spec describes a block of a study, found by its place and its kind."""

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from ablate.core.errors import Loc
from ablate.core.spec_base import Spec


def spec_at(root: type[Spec], tree: Any, loc: Loc) -> type[Spec] | None:
    """Return the spec of the block at `loc` of `tree`, which `root` describes; None where its kind is open."""
    members, block = _walked(root, tree, loc)
    return _chosen(members, block)


def kinds_at(root: type[Spec], tree: Any, loc: Loc) -> list[str]:
    """Return the kinds of block that may stand at `loc` of `tree`."""
    members, _ = _walked(root, tree, loc)
    return sorted(kind for spec in _specs(members) if (kind := _kind(spec)))


@cache
def keys_of(spec: type[Spec]) -> list[str]:
    """Return the keys that a study file may give in such a block: those that its schema shows."""
    return list(spec.model_json_schema()["properties"])


def _walked(root: type[Spec], tree: Any, loc: Loc) -> tuple[list[Any], Any]:
    members, block = [root], tree
    for key in loc:
        members = _below(members, block, key)
        block = block.get(key) if isinstance(block, dict) else None
    return members, block


def _below(members: list[Any], block: Any, key: str | int) -> list[Any]:
    """Return what may stand under `key` of a block that is one of `members`."""
    if spec := _chosen(members, block):
        field = spec.model_fields.get(str(key))
        return _members(field.annotation) if field else []
    mappings = [member for member in members if get_origin(member) is dict]
    return _members(get_args(mappings[0])[1]) if mappings else []


def _chosen(members: list[Any], block: Any) -> type[Spec] | None:
    specs = _specs(members)
    if len(specs) == 1:
        return specs[0]
    kind = block.get("kind") if isinstance(block, dict) else None
    return next((spec for spec in specs if _kind(spec) == kind), None)


def _specs(members: list[Any]) -> list[type[Spec]]:
    return [member for member in members if isinstance(member, type) and issubclass(member, Spec)]


def _kind(spec: type[Spec]) -> str | None:
    return spec.model_fields["kind"].default if "kind" in spec.model_fields else None


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    return [annotation]
