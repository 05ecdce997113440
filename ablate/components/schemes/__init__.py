"""Training schemes: how frames are shown to the model while it learns. A new one is one file and one line here."""

from typing import Annotated

from pydantic import Field

from ablate.components.schemes.rollout import Rollout
from ablate.components.schemes.scheduled_sampling import ScheduledSampling
from ablate.components.schemes.scheme import Scheme
from ablate.components.schemes.teacher_forced import TeacherForced

SCHEMES = (TeacherForced, Rollout, ScheduledSampling)
AnyScheme = Annotated[TeacherForced | Rollout | ScheduledSampling, Field(discriminator="kind")]

__all__ = ["SCHEMES", "AnyScheme", "Rollout", "ScheduledSampling", "Scheme", "TeacherForced"]
