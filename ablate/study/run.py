"""One run: everything that decides its numbers."""

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator
from pydantic.json_schema import SkipJsonSchema

from ablate.components.data import Data, MovingMNIST
from ablate.components.losses import BCE, AnyLoss, SSIMLoss
from ablate.components.models import AnyModel, ConvLSTM, EncoderForecaster
from ablate.components.optimizers import Adam
from ablate.components.schemes import AnyScheme, TeacherForced
from ablate.core.spec_base import BatchSize, ClipCount, FrameCount, Spec, StepCount
from ablate.storage.records import identity

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Training(Spec):
    """A fixed number of optimization steps of one scheme."""

    scheme: AnyScheme = TeacherForced()
    """Which frames the model sees while it learns."""
    steps: StepCount = 600
    """Number of optimization steps."""
    batch: BatchSize = 16
    """Number of clips in an optimization step."""
    optimizer: Adam = Adam()
    clip_norm: PositiveFloat | None = None
    """Largest allowed norm of the whole gradient; none means no limit."""
    report_every: StepCount = 50
    """Steps between two points of the loss curve."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """`auto` is CUDA if available, else Apple's MPS, else the CPU."""
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Floating-point format; tf32 and bfloat16 (autocast) take effect on CUDA only."""


class View(Spec):
    """One evaluation of the trained network: its clips, its kind of forecast, and the target of each frame."""

    clips: Literal["held_out", "training"] = "held_out"
    """Clips that training never uses, or the clips of training."""
    forecast: Literal["one_step", "rollout"] = "rollout"
    """`rollout` feeds the model its own predictions, `one_step` the true frames."""
    first: Annotated[int, Field(ge=0, lt=1_000_000_000)] = 0
    """Index of the first clip, from 0."""
    count: ClipCount | None = None
    """Number of clips; none means evaluation.clips."""
    target_offset: Annotated[int, Field(ge=-8, le=0)] = 0
    """Offset, in frames, of the target that a forecast frame is compared with; 0 is correct."""
    statistics: Literal["moving", "batch", "recomputed"] | None = None
    """Statistics of batch normalization in this view; none keeps those of the model."""


ViewName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
ONE_STEP, ROLLOUT = "one_step", "rollout"
DEFAULT_VIEWS = {ONE_STEP: View(forecast="one_step"), ROLLOUT: View(forecast="rollout")}


class Evaluation(Spec):
    """The forecasts after training, which every metric scores."""

    clips: ClipCount = 64
    """Number of clips that a view forecasts."""
    context: FrameCount = 10
    """Number of true frames before the first forecast step."""
    horizon: FrameCount = 10
    """Number of forecast steps."""
    batch: BatchSize = 16
    """Number of clips that are forecast at a time."""
    examples: Annotated[int, Field(ge=1, le=100)] = 3
    """Number of clips whose frames are stored for pictures."""
    views: Annotated[dict[ViewName, View], Field(min_length=1, max_length=100)] = DEFAULT_VIEWS
    """Views by name, in lower-case letters, digits and _."""

    @model_validator(mode="after")
    def _offsets_fit(self) -> Self:
        for name, view in self.views.items():
            if -view.target_offset >= self.context:
                raise ValueError(
                    f"views.{name}.target_offset: {view.target_offset} leaves no history before the target; "
                    f"it must stay within the {self.context} context frames, less one"
                )
        return self


class RunSpec(Spec):
    """Everything that decides the numbers of one run."""

    data: Data = MovingMNIST()
    """Clips for training and evaluation."""
    model: AnyModel = ConvLSTM()
    """Network, or a baseline without training."""
    loss: AnyLoss = BCE()
    """Loss that training minimizes."""
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    seed: SkipJsonSchema[Seed] = 0
    """Seed of the run, from the study's `seeds`; never set in `base`."""

    @model_validator(mode="after")
    def _clips_are_long_enough(self) -> Self:
        needed = max(self.training.scheme.frames_needed, self.evaluation.context + self.evaluation.horizon)
        longest = self.data.longest_clip
        if longest is not None and needed > longest:
            raise ValueError(
                f"training and evaluation need clips of {needed} frames, data {self.data.kind!r} has {longest}"
            )
        return self

    @model_validator(mode="after")
    def _frames_fit_model_and_loss(self) -> Self:
        frame_size = self.data.frame_size
        if isinstance(self.model, EncoderForecaster) and frame_size % self.model.patch:
            raise ValueError(
                f"model.patch: {self.model.patch} does not divide frames of {frame_size} x {frame_size} pixels"
            )
        if isinstance(self.loss, SSIMLoss) and frame_size < self.loss.window:
            raise ValueError(
                f"loss.window: {self.loss.window} does not fit frames of {frame_size} x {frame_size} pixels"
            )
        return self

    @model_validator(mode="after")
    def _scheme_trains_the_model(self) -> Self:
        scheme, model = self.training.scheme, self.model
        if model.trainable and scheme.needs_next_frame and not model.predicts_next_frame:
            raise ValueError(f"training.scheme: {scheme.kind!r} cannot train model {model.kind!r}")
        return self

    def identity(self) -> str:
        """Return the id that equal runs share and different runs do not; a new field at its default keeps it."""
        return identity(self.non_defaults())
