"""What every part that a study file can name has in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict


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
