"""A floor: nothing at all."""

from typing import ClassVar, Literal, final

from ablate.components.models.forecaster import Forecaster
from ablate.core.spec_base import Spec
from ablate.core.tensors import Video


@final
class BlackFrame(Forecaster):
    """Black frames only, which most pixels of a sparse scene are."""

    def forecast(self, history: Video, horizon: int) -> Video:
        """See Forecaster."""
        return history.new_zeros(len(history), horizon, *history.shape[2:])

    def one_step(self, frames: Video) -> Video:
        """See Forecaster."""
        return frames.new_zeros(frames.shape)


@final
class Blank(Spec):
    """Forecasts black. A model that scores worse in squared error does harm; its ghost ratio is undefined."""

    trainable: ClassVar[bool] = False
    module: ClassVar[type[Forecaster]] = BlackFrame

    kind: Literal["blank"] = "blank"

    def build(self) -> BlackFrame:
        """Return the floor; it has no weights."""
        return BlackFrame()
