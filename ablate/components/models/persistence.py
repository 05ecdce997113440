"""A floor: the last frame, again and again."""

from typing import ClassVar, Literal, final

from ablate.components.models.forecaster import Forecaster
from ablate.core.spec_base import Spec
from ablate.core.tensors import Video


@final
class LastFrame(Forecaster):
    """Persistence: what was seen last stays."""

    def forecast(self, history: Video, horizon: int) -> Video:
        """See Forecaster."""
        return history[:, -1:].repeat(1, horizon, 1, 1, 1)

    def one_step(self, frames: Video) -> Video:
        """See Forecaster."""
        return frames.clone()


@final
class Persistence(Spec):
    """Copies the last frame. A model that scores worse has learned nothing of motion."""

    trainable: ClassVar[bool] = False
    module: ClassVar[type[Forecaster]] = LastFrame

    kind: Literal["persistence"] = "persistence"

    def build(self) -> LastFrame:
        """Return the floor; it has no weights."""
        return LastFrame()
