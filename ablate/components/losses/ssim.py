"""Structural dissimilarity."""

from typing import Annotated, Literal, Self, final

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from ablate.components.losses.loss import Loss
from ablate.core.errors import SpecError
from ablate.core.tensors import Scalar, Video

STABILizERS = (0.01**2, 0.03**2)  # (K1 L)^2 and (K2 L)^2 for a range L of 1, Wang et al. 2004


@final
class SSIM(Loss):
    """One minus the mean structural similarity of Wang et al. 2004; in [0, 2], 0 where p = y.

    doi:10.1109/TIP.2003.819861, p = sigmoid(logit), range 1, Gaussian window, biased variances. Only windows
    that lie whole inside the frame count, so frames must be at least `window` high and wide, else SpecError.
    """

    kind: Literal["ssim"] = "ssim"
    window: Annotated[int, Field(ge=3, le=31)] = 11
    """Side of the window in pixels; odd."""
    sigma: Annotated[float, Field(gt=0)] = 1.5
    """Standard deviation of the Gaussian in pixels."""

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"window: {self.window} is even; a window needs a middle pixel")
        return self

    def __call__(self, logits: Video, target: Video) -> Scalar:
        """See Loss."""
        if min(target.shape[-2:]) < self.window:
            height, width = target.shape[-2:]
            raise SpecError(
                f"loss.window: {self.window} does not fit frames of {height} x {width} pixels; take a smaller one"
            )
        guess, target = torch.sigmoid(logits).flatten(0, 1), target.flatten(0, 1)
        mean_p, mean_y = self._smooth(guess), self._smooth(target)
        var_p = self._smooth(guess.square()) - mean_p.square()
        var_y = self._smooth(target.square()) - mean_y.square()
        covariance = self._smooth(guess * target) - mean_p * mean_y
        c1, c2 = STABILizERS
        luminance = (2 * mean_p * mean_y + c1) / (mean_p.square() + mean_y.square() + c1)
        return 1 - (luminance * (2 * covariance + c2) / (var_p + var_y + c2)).mean()

    def _smooth(self, images: Tensor) -> Tensor:
        position = torch.arange(self.window, device=images.device, dtype=images.dtype) - self.window // 2
        weight = torch.exp(-position.square() / (2 * self.sigma**2))
        weight = weight / weight.sum()
        rows = functional.conv2d(images, weight.view(1, 1, -1, 1))
        return functional.conv2d(rows, weight.view(1, 1, 1, -1))
