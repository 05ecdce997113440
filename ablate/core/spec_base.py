"""The base class of everything that a study file can describe, and the allowed sizes of its fields."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_jsonable_python

# Upper bounds far above real use, so that a typo is rejected instead of run.
FrameCount = Annotated[int, Field(ge=1, le=1_000)]
ClipCount = Annotated[int, Field(ge=1, le=100_000)]
BatchSize = Annotated[int, Field(ge=1, le=65_536)]
StepCount = Annotated[int, Field(ge=1, le=100_000_000)]
LayerCount = Annotated[int, Field(ge=1, le=64)]
FilterCount = Annotated[int, Field(ge=1, le=4_096)]
KernelSize = Annotated[int, Field(ge=1, le=127)]
MAX_WEIGHTS = 250_000_000  # of one network: one gigabyte


def _require_kind(schema: dict[str, Any]) -> None:
    """Make the schema require the key `kind`, by which the reader distinguishes the parts of a union."""
    if "kind" in schema["properties"]:
        schema["required"] = ["kind", *schema.get("required", [])]


class Spec(BaseModel):
    """An immutable, strict description of one part of a study: unknown keys and wrong types raise ValidationError.

    A part that can be exchanged has `kind: Literal["..."]` and belongs to the union in its room's `__init__`. Its
    `build()` returns the object that it describes.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        json_schema_extra=_require_kind,
    )

    def non_defaults(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, as plain JSON values; `kind` is always included.

        Equal specs return equal trees. A new field at its default changes no tree. A tree validates to an equal spec.
        """
        keys = {name: field.alias or name for name, field in type(self).model_fields.items()}
        return {
            key: _plain(getattr(self, name))
            for name, key in keys.items()
            if name == "kind" or not self._is_default(name)
        }

    def _is_default(self, name: str) -> bool:
        default = type(self).model_fields[name].get_default(call_default_factory=True)
        return bool(getattr(self, name) == default)


def _plain(value: Any) -> Any:
    match value:
        case Spec():
            return value.non_defaults()
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case str():
            return str(value)
        case Sequence():
            return [_plain(item) for item in value]
    return to_jsonable_python(value)
