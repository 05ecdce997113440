"""Optimizers that a study can name. The spec loads no torch; `build()` does."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, final

from pydantic import Field, PositiveFloat

from ablate.core.spec_base import Spec

if TYPE_CHECKING:
    from torch import nn, optim

Decay = Annotated[float, Field(ge=0, lt=1)]


@final
class Adam(Spec):
    """Adam with Keras' constants (Kingma & Ba 2015, arXiv 1412.6980)."""

    learning_rate: PositiveFloat = 1e-3
    """Step size."""
    beta1: Decay = 0.9
    """Decay of the mean of the gradient."""
    beta2: Decay = 0.999
    """Decay of the mean of the squared gradient."""
    epsilon: PositiveFloat = 1e-7
    """Added to the root of the mean of the squared gradient."""

    def build(self, parameters: "Iterable[nn.Parameter]") -> "optim.Optimizer":
        """Return the optimizer of these parameters."""
        from torch import optim  # noqa: PLC0415  # a study is read without torch

        return optim.Adam(parameters, lr=self.learning_rate, betas=(self.beta1, self.beta2), eps=self.epsilon)
