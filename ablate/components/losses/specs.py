"""What a study file can say about the loss. Importing this file loads no torch; `build()` does.

In the formulas, p = sigmoid(logit) is the predicted brightness of a pixel and y is its brightness in the target.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal, Self, final

from pydantic import Field, model_validator

from ablate.core.spec_base import Spec

if TYPE_CHECKING:
    from ablate.components.losses.loss import Loss


class LossSpec(Spec, ABC):
    """Chooses the loss that training minimizes."""

    @abstractmethod
    def build(self) -> "Loss":
        """Return the loss as a function of logits and target."""


@final
class BCE(LossSpec):
    """Binary cross-entropy: mean over pixels of -y log p - (1 - y) log(1 - p), in nats; at least 0.

    It is computed from the logits, so that a saturated pixel still has the gradient p - y. The minimum is at p = y;
    for gray targets it is above 0.
    """

    kind: Literal["bce"] = "bce"

    def build(self) -> "Loss":
        """See LossSpec."""
        from ablate.components.losses.loss import bce

        return bce


@final
class MSE(LossSpec):
    """Mean squared error: mean over pixels of (p - y)^2; in [0, 1], 0 where p = y."""

    kind: Literal["mse"] = "mse"

    def build(self) -> "Loss":
        """See LossSpec."""
        from ablate.components.losses.loss import mse

        return mse


@final
class L1(LossSpec):
    """Mean absolute error: mean over pixels of |p - y|; in [0, 1], 0 where p = y.

    The best prediction is the median of the possible futures: black, unless at least half of them light the pixel.
    """

    kind: Literal["l1"] = "l1"

    def build(self) -> "Loss":
        """See LossSpec."""
        from ablate.components.losses.loss import l1

        return l1


@final
class L1L2(LossSpec):
    """Absolute and squared error together: mean over pixels of l1 |p - y| + l2 (p - y)^2; 0 where p = y.

    PredRNN (Wang et al. 2017, NeurIPS 30) and its successors train with the sum of both.
    """

    kind: Literal["l1_l2"] = "l1_l2"
    l1: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the absolute error."""
    l2: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the squared error."""

    def build(self) -> "Loss":
        """See LossSpec."""
        from ablate.components.losses.loss import l1_l2

        return partial(l1_l2, l1_weight=self.l1, l2_weight=self.l2)


@final
class GradientDifference(LossSpec):
    """Mean squared error plus `weight` times the difference between the gradients of the images; 0 where p = y.

    Mathieu et al. 2016 (arXiv 1511.05440, equation 5) with the exponent `alpha`, averaged over pixels:
    | |y_i - y_(i-1)| - |p_i - p_(i-1)| |^alpha, vertically and horizontally. Gradients alone cannot see a constant
    offset, so the squared error is added, as in the paper.
    """

    kind: Literal["gradient_difference"] = "gradient_difference"
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the difference between the gradients."""
    alpha: Annotated[float, Field(ge=1, le=2)] = 1.0
    """Exponent of the difference between the gradients."""

    def build(self) -> "Loss":
        """See LossSpec."""
        from ablate.components.losses.loss import gradient_difference

        return partial(gradient_difference, weight=self.weight, alpha=self.alpha)


@final
class SSIMLoss(LossSpec):
    """One minus the mean structural similarity (SSIM) of Wang et al. 2004; in [0, 2], 0 where p = y.

    doi:10.1109/TIP.2003.819861, with a data range of 1, a Gaussian window and biased variances. Only windows inside
    the frame count, so height and width must be at least `window`.
    """

    kind: Literal["ssim"] = "ssim"
    window: Annotated[int, Field(ge=3, le=31)] = 11
    """Side of the window in pixels; odd."""
    sigma: Annotated[float, Field(gt=0)] = 1.5
    """Standard deviation of the Gaussian in pixels."""

    @model_validator(mode="after")
    def _window_is_odd(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window: {self.window} is even; a window needs a middle pixel")
        return self

    def build(self) -> "Loss":
        """See LossSpec. The loss raises SpecError for frames that are smaller than the window."""
        from ablate.components.losses.ssim import ssim_loss

        return partial(ssim_loss, window=self.window, sigma=self.sigma)
