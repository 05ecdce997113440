"""What a study file can say about the training scheme. Importing this file loads no torch; `build()` does."""

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

from pydantic import Field

from ablate.core.spec_base import FrameCount, Spec

if TYPE_CHECKING:
    from ablate.components.losses.loss import Loss
    from ablate.components.schemes.objective import Objective


class SchemeSpec(Spec, ABC):
    """Chooses which frames the model sees while it learns, and over which predictions the loss is taken."""

    needs_next_frame: ClassVar[bool]
    """True: trains only models that predict the next frame at every position (`predicts_next_frame`)."""

    @property
    @abstractmethod
    def frames_needed(self) -> int:
        """Number of frames that one training clip must have."""

    @abstractmethod
    def build(self, loss: "Loss") -> "Objective":
        """Return what one optimization step minimizes, with this loss."""


@final
class TeacherForced(SchemeSpec):
    """Teacher forcing: the model sees true frames only and predicts frame t+1 at every position t of 0..frames-2.

    Williams & Zipser 1989, Neural Computation 1(2). The model never sees its own errors.
    """

    needs_next_frame: ClassVar[bool] = True

    kind: Literal["teacher_forced"] = "teacher_forced"
    frames: Annotated[FrameCount, Field(ge=2)] = 16
    """Frames of a training clip; the case used 16: 15 inputs and the 15 frames after them."""

    @property
    def frames_needed(self) -> int:
        """See SchemeSpec."""
        return self.frames

    def build(self, loss: "Loss") -> "Objective":
        """See SchemeSpec."""
        from ablate.components.schemes.objective import teacher_forced_loss

        return partial(teacher_forced_loss, loss)


@final
class Rollout(SchemeSpec):
    """Loss over `horizon` forecast frames after `context` true frames, with gradients through every step.

    A next-frame model gets its own predictions as input; an encoder-forecaster (Shi et al. 2015,
    arXiv 1506.04214, there 10 -> 10) decodes its states. Training and forecasting do the same.
    """

    needs_next_frame: ClassVar[bool] = False

    kind: Literal["rollout"] = "rollout"
    context: FrameCount = 10
    """Number of true frames before the first forecast frame."""
    horizon: FrameCount = 10
    """Number of forecast frames."""

    @property
    def frames_needed(self) -> int:
        """See SchemeSpec."""
        return self.context + self.horizon

    def build(self, loss: "Loss") -> "Objective":
        """See SchemeSpec."""
        from ablate.components.schemes.objective import rollout_loss

        return partial(rollout_loss, self, loss)


@final
class ScheduledSampling(SchemeSpec):
    """Loss over the prediction of the next frame at every position; some inputs are the model's own predictions.

    Bengio et al. 2015 (arXiv 1506.03099), linear decay: after `context` true frames the input of each
    clip and step is the true frame with a probability that falls from 1 at the first optimization step
    to 0 at the share `decayed` of all steps. Gradients flow through the predictions that are fed back.
    """

    needs_next_frame: ClassVar[bool] = True

    kind: Literal["scheduled_sampling"] = "scheduled_sampling"
    context: FrameCount = 10
    """Number of true frames before the first sampled input."""
    horizon: FrameCount = 10
    """Number of frames after the context."""
    decayed: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Share of all optimization steps after which no true frame follows the context."""

    @property
    def frames_needed(self) -> int:
        """See SchemeSpec."""
        return self.context + self.horizon

    def build(self, loss: "Loss") -> "Objective":
        """See SchemeSpec."""
        from ablate.components.schemes.objective import scheduled_sampling_loss

        return partial(scheduled_sampling_loss, self, loss)
