"""How far a net's kernels can carry anything: what its architecture allows, whatever its weights."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from ablate.components.models.convlstm import ConvLSTMNetwork
from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.encoder_forecaster import EncoderForecasterNetwork
from ablate.components.models.forecaster import Forecaster
from ablate.components.models.normalization import BatchNorm, GroupNorm


@dataclass(frozen=True)
class Reach:
    """The square of pixels that an output pixel may depend on: so many before it, and so many after it.

    Before is above and to the left, after is below and to the right; rows and columns alike.
    """

    before: int
    after: int

    @property
    def radius(self) -> int:
        """Chessboard distance to the farthest pixel."""
        return max(self.before, self.after)

    def __add__(self, other: "Reach") -> "Reach":
        return Reach(self.before + other.before, self.after + other.after)

    def __mul__(self, times: int) -> "Reach":
        return Reach(self.before * times, self.after * times)


def kernel_of(size: int) -> Reach:
    """Return the reach of one convolution; an even kernel reaches one pixel farther down and right (see padding)."""
    return Reach((size - 1) // 2, size // 2)


@dataclass(frozen=True)
class KernelReach:
    """How the reach grows with time. Counted in patches of `patch` pixels a side."""

    first: Reach
    """From a frame to the guess of the next."""
    state_step: Reach
    """Gained by each further step that something waits in the states while true frames come in."""
    rollout_step: Reach
    """Gained by each further forecast step, by way of the states or of the frame fed back."""
    patch: int = 1

    def one_step(self, apart: int) -> Reach:
        """Return the reach in pixels from a frame to the guess of the frame `apart` (1 or more) steps later."""
        return self._pixels(self.first + self.state_step * (apart - 1))

    def rollout(self, step: int) -> Reach:
        """Return the reach in pixels from the last known frame to forecast step 1 or later."""
        return self._pixels(self.first + self.rollout_step * (step - 1))

    @property
    def by_states(self) -> int:
        """Pixels by which each further step in the states widens the reach."""
        return self.state_step.radius * self.patch

    def _pixels(self, reach: Reach) -> Reach:
        """Return it for the pixels of a patch that lie farthest from the edge."""
        return reach * self.patch + Reach(self.patch - 1, self.patch - 1)


def kernel_reach(model: Forecaster) -> KernelReach | None:
    """Return how far the kernels of one of our networks reach.

    None where they do not tell: somebody else's net, or a normalization by the statistics of whole frames.
    """
    if any(_spans_frames(module) for module in model.modules()):
        return None
    if isinstance(model, ConvLSTMNetwork):
        layers = _layers(model.layers)
        first = _through(layers) + _of_head(model.head)
        state = _widest(layers)
        fed_back = Reach(max(first.before, state.before), max(first.after, state.after))
        return KernelReach(first, state, fed_back)
    if isinstance(model, EncoderForecasterNetwork):
        layers = _layers(model.encoder)
        state = _widest(layers)
        patch = math.isqrt(model.head.out_channels)
        return KernelReach(_through(layers) + state, state, state, patch)
    return None


def _through(layers: Iterable[ConvLSTMLayer]) -> Reach:
    """Return the reach of all input kernels, one after the other."""
    return sum((kernel_of(layer.kernel.shape[-1]) for layer in layers if layer.kernel is not None), Reach(0, 0))


def _widest(layers: Iterable[ConvLSTMLayer]) -> Reach:
    """Return the reach of the largest state kernel: a path may wait in whichever layer it likes."""
    return kernel_of(max(layer.state_kernel.shape[-1] for layer in layers))


def _layers(modules: Iterable[nn.Module]) -> list[ConvLSTMLayer]:
    return [module for module in modules if isinstance(module, ConvLSTMLayer)]


def _of_head(head: nn.Module) -> Reach:
    (size,) = {module.kernel_size[-1] for module in head.modules() if isinstance(module, nn.Conv2d | nn.Conv3d)}
    return kernel_of(size)


def _spans_frames(module: nn.Module) -> bool:
    return isinstance(module, GroupNorm) or (isinstance(module, BatchNorm) and module.statistics == "batch")
