"""What every part that a study file can name has in common."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A frozen, strict description of one part of a study: unknown keys and wrong types are refused.

    A part that can be swapped carries `kind: Literal["..."]`, and joins the union of its package's
    `__init__`; its `build()` returns the working thing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
