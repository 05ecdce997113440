"""Teacher forcing: the model always sees the true frame, and guesses the next one."""

from typing import Annotated, ClassVar, Literal, final

import torch
from pydantic import Field

from ablate.components.losses.loss import Loss
from ablate.components.models.forecaster import NextFrameModel
from ablate.components.schemes.scheme import Scheme
from ablate.core.sizes import FrameCount
from ablate.core.tensors import Scalar, Video


@final
class TeacherForced(Scheme):
    """Loss over the guess of frame t+1 at every position t of the true frames 0..frames-2.

    Williams & Zipser 1989, Neural Computation 1(2). The model never meets its own mistakes.
    """

    trains: ClassVar[type] = NextFrameModel

    kind: Literal["teacher_forced"] = "teacher_forced"
    frames: Annotated[FrameCount, Field(ge=2)] = 16
    """Frames of a training clip; the case used 16: 15 inputs and the 15 frames after them."""

    @property
    def frames_needed(self) -> int:
        """See Scheme."""
        return self.frames

    def loss(
        self,
        model: NextFrameModel,
        clips: Video,
        loss: Loss,
        progress: float,
        draws: torch.Generator,
    ) -> Scalar:
        """See Scheme."""
        logits, _ = model(clips[:, :-1])
        return loss(logits, clips[:, 1:])
