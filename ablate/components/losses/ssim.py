"""One minus the structural similarity (SSIM) of Wang et al. 2004, doi:10.1109/TIP.2003.819861."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ablate.core.errors import SpecError
from ablate.core.tensors import Scalar, Video

STABILIZERS = (0.01**2, 0.03**2)  # (K1 L)^2 and (K2 L)^2 for a data range L of 1, Wang et al. 2004


def ssim_loss(logits: Video, target: Video, window: int, sigma: float) -> Scalar:
    """Return one minus the mean similarity over all windows that are inside the frame; in [0, 2].

    Raises SpecError where height or width is less than `window`.
    """
    height, width = target.shape[-2:]
    if min(height, width) < window:
        raise SpecError(f"loss.window: {window} does not fit frames of {height} x {width} pixels; take a smaller one")
    gaussian = _gaussian(window, sigma, logits)
    predicted, target = torch.sigmoid(logits).flatten(0, 1), target.flatten(0, 1)
    mean_p, mean_y = _smooth(predicted, gaussian), _smooth(target, gaussian)
    var_p = _smooth(predicted.square(), gaussian) - mean_p.square()
    var_y = _smooth(target.square(), gaussian) - mean_y.square()
    covariance = _smooth(predicted * target, gaussian) - mean_p * mean_y
    c1, c2 = STABILIZERS
    luminance = (2 * mean_p * mean_y + c1) / (mean_p.square() + mean_y.square() + c1)
    return 1 - (luminance * (2 * covariance + c2) / (var_p + var_y + c2)).mean()


def _gaussian(window: int, sigma: float, like: Tensor) -> Float[Tensor, " window"]:
    position = torch.arange(window, device=like.device, dtype=like.dtype) - window // 2
    weight = torch.exp(-position.square() / (2 * sigma**2))
    return weight / weight.sum()


def _smooth(
    images: Float[Tensor, "image 1 height width"], gaussian: Float[Tensor, " window"]
) -> Float[Tensor, "image 1 inner_height inner_width"]:
    rows = functional.conv2d(images, gaussian.view(1, 1, -1, 1))  # a Gaussian is separable: two passes, not window^2
    return functional.conv2d(rows, gaussian.view(1, 1, 1, -1))
