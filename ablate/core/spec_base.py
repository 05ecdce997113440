"""What every part that a study file can name has in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python


def _kind_is_told(schema: dict[str, Any]) -> None:
    """Make editors ask for the kind of a part, since the reader needs it to tell the parts apart."""
    if "kind" in schema["properties"]:
        schema["required"] = ["kind", *schema.get("required", [])]


class Spec(BaseModel):
    """A frozen, strict description of one part of a study: unknown keys and wrong types are refused.

    A part that can be swapped carries `kind: Literal["..."]`, and joins the union of its package's
    `__init__`; its `build()` returns the working thing.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra=_kind_is_told,
    )

    def non_defaults(self) -> dict[str, Any]:
        """Return what differs from the defaults, as plain JSON values; a `kind` always stands in its block.

        Equal specs return equal trees. A new field at its default changes no tree. A tree validates to an equal spec.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: _plain(value) for name, value in values.items() if name == "kind" or not self._is_default(name)}

    def _is_default(self, name: str) -> bool:
        default = type(self).model_fields[name].get_default(call_default_factory=True)
        return bool(getattr(self, name) == default)


def _plain(value: Any) -> Any:
    match value:
        case Spec():
            return value.non_defaults()
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
        case str():
            return str(value)
        case Sequence():
            return [_plain(part) for part in value]
    return to_jsonable_python(value)
