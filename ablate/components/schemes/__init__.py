"""Training schemes: which frames the model sees while it learns.

A new scheme needs a spec in `specs.py`, its objective in another file, and its name in both lists here.
"""

from typing import Annotated

from pydantic import Field

from ablate.components.schemes.specs import Rollout, ScheduledSampling, SchemeSpec, TeacherForced

SCHEMES = (TeacherForced, Rollout, ScheduledSampling)
AnyScheme = Annotated[TeacherForced | Rollout | ScheduledSampling, Field(discriminator="kind")]

__all__ = ["SCHEMES", "AnyScheme", "Rollout", "ScheduledSampling", "SchemeSpec", "TeacherForced"]
