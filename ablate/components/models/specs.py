"""What a study file can say about the model. Importing this file loads no torch; `build()` does."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, final

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from ablate.core.spec_base import MAX_WEIGHTS, FilterCount, KernelSize, LayerCount, Spec

if TYPE_CHECKING:
    from torch import nn

    from ablate.components.models.baselines import BlackFrame, LastFrame
    from ablate.components.models.convlstm import ConvLSTMNetwork
    from ablate.components.models.encoder_forecaster import EncoderForecasterNetwork
    from ablate.components.models.forecaster import Forecaster
    from ablate.components.models.planted import KnownGhost

CellActivation = Literal["tanh", "relu", "sigmoid"]
GateActivation = Literal["sigmoid", "hard_sigmoid"]
Initialization = Literal["keras", "torch"]
Head = Literal["frame", "conv3d", "causal3d"]
Statistics = Literal["moving", "batch", "recomputed"]

Filters = FilterCount | Annotated[tuple[FilterCount, ...], Field(strict=False, min_length=1)]
Kernels = KernelSize | Annotated[tuple[KernelSize, ...], Field(strict=False, min_length=1)]
"""One value for all layers, or one for each."""

LayerShape = tuple[int, int, int]
"""Filters, input kernel and state kernel of one layer."""

SWITCHES = ("culprit", "partner_a", "partner_b", "bystander_a", "bystander_b")
"""Fields of Planted that may be on or off."""


class ModelSpec(Spec, ABC):
    """Chooses the model that forecasts frames."""

    trainable: ClassVar[bool]
    """False: the model has no weights, and its run skips the training."""
    predicts_next_frame: ClassVar[bool]
    """True: the model predicts the next frame at every position, as teacher forcing needs."""

    @abstractmethod
    def build(self) -> "Forecaster":
        """Return the model, its weights drawn from torch's global random state."""


@dataclass(frozen=True)
class CellSettings:
    """How the gates of a ConvLSTM layer work, whatever the layer's size."""

    activation: CellActivation
    gate_activation: GateActivation
    forget_bias: float
    initialization: Initialization
    peepholes: bool


class ConvLSTMStack(ModelSpec, ABC):
    """Fields that all networks of ConvLSTM layers share. Except for the width, the defaults are those of Keras."""

    layers: LayerCount = 4
    """Number of ConvLSTM layers."""
    filters: Filters = 64
    """Channels of the hidden state: one number for all layers, or one for each layer."""
    kernel_size: Kernels = 3
    """Input-to-state kernel."""
    state_kernel_size: Kernels | None = None
    """State-to-state kernel; none takes kernel_size. With 1 the state does not move sideways."""
    activation: CellActivation = "tanh"
    """Of candidate and output. With relu the cell state can only grow."""
    gate_activation: GateActivation = "sigmoid"
    """Of input, forget and output gate; `hard_sigmoid` is Keras' piecewise linear one."""
    forget_bias: float = 1.0
    """Constant that the bias of the forget gate starts with."""
    initialization: Initialization = "keras"
    """Random first weights: `keras` is Glorot uniform and orthogonal, `torch` is uniform within 1/sqrt(fan in)."""
    peepholes: bool = False
    """Whether the gates also see the cell state, each channel and pixel by its weight (Shi et al. 2015)."""

    def shapes(self) -> list[LayerShape]:
        """Return the shape of each layer. Raises ValueError where a list does not have one value per layer."""
        state_kernels = self.kernel_size if self.state_kernel_size is None else self.state_kernel_size
        columns = (
            self._for_each("filters", self.filters),
            self._for_each("kernel_size", self.kernel_size),
            self._for_each("state_kernel_size", state_kernels),
        )
        return list(zip(*columns, strict=True))

    def cell_settings(self) -> CellSettings:
        """Return how the gates of every layer work."""
        return CellSettings(
            self.activation, self.gate_activation, self.forget_bias, self.initialization, self.peepholes
        )

    def check_weight_count(self, channels: int) -> None:
        """Raise ValueError if the layers have too many weights for frames of that many channels."""
        weights = 0
        for filters, kernel, state_kernel in self.shapes():
            weights += 4 * filters * (channels * kernel**2 + filters * state_kernel**2)
            channels = filters
        if weights > MAX_WEIGHTS:
            raise ValueError(f"found layers of {weights:,} weights together; at most {MAX_WEIGHTS:,}")

    def _for_each(self, name: str, value: int | tuple[int, ...]) -> tuple[int, ...]:
        values = (value,) * self.layers if isinstance(value, int) else value
        if len(values) != self.layers:
            raise ValueError(f"{name}: {len(values)} values for {self.layers} layers")
        return values


class Normalization(Spec, ABC):
    """Chooses the normalization after each layer."""

    def check_channels(self, channels: int) -> None:  # any number suits most of them
        """Raise ValueError if features of that many channels cannot be normalized so."""

    @abstractmethod
    def build(self, channels: int) -> "nn.Module":
        """Return the module for features of that many channels; it maps Features to Features."""


@final
class NoNormalization(Normalization):
    """Features pass unchanged."""

    kind: Literal["none"] = "none"

    def build(self, channels: int) -> "nn.Module":  # noqa: ARG002  # part of the contract
        """See Normalization."""
        from torch import nn

        return nn.Identity()


@final
class BatchNormalization(Normalization):
    """Keras' BatchNormalization over batch, time, height and width (Ioffe & Szegedy 2015, arXiv 1502.03167)."""

    kind: Literal["batch"] = "batch"
    statistics: Statistics = "moving"
    """At inference: `moving` averages of training, those of the current `batch`, or `recomputed` after training."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the moving averages that one optimization step keeps."""
    epsilon: PositiveFloat = 1e-3
    """Added to the variance before the root."""

    def build(self, channels: int) -> "nn.Module":
        """See Normalization."""
        from ablate.components.models.normalization import BatchNorm

        return BatchNorm(channels, self)


@final
class LayerNormalization(Normalization):
    """Keras' LayerNormalization: over the channels of each pixel (Ba et al. 2016, arXiv 1607.06450)."""

    kind: Literal["layer"] = "layer"
    epsilon: PositiveFloat = 1e-3
    """Added to the variance before the root."""

    def build(self, channels: int) -> "nn.Module":
        """See Normalization."""
        from ablate.components.models.normalization import ChannelNorm

        return ChannelNorm(channels, self.epsilon)


@final
class GroupNormalization(Normalization):
    """Over each group of channels of one frame (Wu & He 2018, arXiv 1803.08494), epsilon as in Keras.

    Keras' own layer would also average over time, and so leak later frames; this one normalizes frame by frame.
    """

    kind: Literal["group"] = "group"
    groups: FilterCount = 4
    """Number of groups; it must divide the number of channels."""
    epsilon: PositiveFloat = 1e-3
    """Added to the variance before the root."""

    def check_channels(self, channels: int) -> None:
        """See Normalization."""
        if channels % self.groups:
            raise ValueError(f"{channels} filters cannot be split into {self.groups} groups")

    def build(self, channels: int) -> "nn.Module":
        """See Normalization."""
        from ablate.components.models.normalization import GroupNorm

        return GroupNorm(self.groups, channels, self.epsilon)


AnyNormalization = Annotated[
    NoNormalization | BatchNormalization | LayerNormalization | GroupNormalization, Field(discriminator="kind")
]


@final
class ConvLSTM(ConvLSTMStack):
    """Stacked ConvLSTM layers that predict frame t+1 at every step t."""

    trainable: ClassVar[bool] = True
    predicts_next_frame: ClassVar[bool] = True

    kind: Literal["convlstm"] = "convlstm"
    normalization: AnyNormalization = NoNormalization()
    """After every layer."""
    head: Head = "frame"
    """Output head.

    `frame`: 1x1, frame by frame. `conv3d`: 3x3x3 over time, which leaks the next frame. `causal3d`: 3x3x3 over this
    frame and the two before it.
    """

    @model_validator(mode="after")
    def _layers_fit_together(self) -> Self:
        self.check_weight_count(channels=1)
        for filters, _, _ in self.shapes():
            self.normalization.check_channels(filters)
        return self

    def build(self) -> "ConvLSTMNetwork":
        """See ModelSpec."""
        from ablate.components.models.convlstm import ConvLSTMNetwork

        return ConvLSTMNetwork(self)


@final
class EncoderForecaster(ConvLSTMStack):
    """Encoder-forecaster of Shi et al. 2015 (arXiv 1506.04214, figure 3); default: their (5x5)-5x5-128-5x5-64-5x5-64.

    Kernel sizes count patches.
    """

    trainable: ClassVar[bool] = True
    predicts_next_frame: ClassVar[bool] = False

    kind: Literal["encoder_forecaster"] = "encoder_forecaster"
    layers: LayerCount = 3
    """Number of ConvLSTM layers in the encoder, and in the forecaster."""
    filters: Filters = (128, 64, 64)
    """Channels of the hidden state: one number for all layers, or one for each layer."""
    kernel_size: Kernels = 5
    """Input-to-state kernel."""
    peepholes: bool = True
    """Whether the gates also see the cell state, each channel and pixel by its weight (Shi et al. 2015)."""
    patch: Annotated[int, Field(ge=1, le=32)] = 4
    """Side of the patches that a frame is cut into; each becomes one pixel of patch x patch channels."""

    @model_validator(mode="after")
    def _layers_fit_together(self) -> Self:
        self.check_weight_count(self.patch**2)
        return self

    def build(self) -> "EncoderForecasterNetwork":
        """See ModelSpec."""
        from ablate.components.models.encoder_forecaster import EncoderForecasterNetwork

        return EncoderForecasterNetwork(self)


@final
class Persistence(ModelSpec):
    """Persistence baseline: repeats the last frame. A model with worse scores has learned nothing about motion."""

    trainable: ClassVar[bool] = False
    predicts_next_frame: ClassVar[bool] = False

    kind: Literal["persistence"] = "persistence"

    def build(self) -> "LastFrame":
        """Return the baseline; it has no weights."""
        from ablate.components.models.baselines import LastFrame

        return LastFrame()


@final
class Blank(ModelSpec):
    """Baseline of black frames. A model with a larger squared error does harm; the ghost ratio is undefined."""

    trainable: ClassVar[bool] = False
    predicts_next_frame: ClassVar[bool] = False

    kind: Literal["blank"] = "blank"

    def build(self) -> "BlackFrame":
        """Return the baseline; it has no weights."""
        from ablate.components.models.baselines import BlackFrame

        return BlackFrame()


@final
class Planted(ModelSpec):
    """Model of the self-test: it has known causes, which `ablate doctor` must find. Do not compare it with forecasters.

    Of its five switches, one is a cause, two act only with each other, and two do nothing. The strength of the ghost is
    base + cause (if `culprit` is on) + pair (if both partners are on or both are off) + noise, clipped to [0, 1].
    A partner adds `pair` if the other partner is on, and removes it if the other is off; it changes no mean.
    Use it with one slow digit only.
    """

    trainable: ClassVar[bool] = False
    predicts_next_frame: ClassVar[bool] = False

    kind: Literal["planted"] = "planted"
    culprit: bool = False
    """A cause by itself."""
    partner_a: bool = False
    """Acts only with partner_b."""
    partner_b: bool = False
    """Acts only with partner_a."""
    bystander_a: bool = False
    """Does nothing."""
    bystander_b: bool = False
    """Does nothing."""
    base: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Ghost ratio with `culprit` off and exactly one partner on."""
    cause: float = 0.1
    """Added if `culprit` is on."""
    pair: float = 0.1
    """Added if both partners are on or both are off."""
    noise: NonNegativeFloat = 0.05
    """Standard deviation of the normal noise, drawn for every seed and every setting of the switches."""

    def build(self) -> "KnownGhost":
        """Return the model, its noise drawn from torch's global random state as the weights of a network are."""
        from ablate.components.models.planted import KnownGhost

        return KnownGhost(self)
