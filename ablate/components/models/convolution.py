"""Convolutions that keep an image's size, as Keras' "same" does.

Images are (batch, channel, height, width), kernels (filter, channel, height, width). An even kernel pads one pixel
more at the right and at the bottom.
"""

from torch import Tensor
from torch.nn import functional


def same_conv2d(images: Tensor, kernel: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the convolution of the images, of the same height and width."""
    height, width = kernel.shape[-2:]
    if height % 2 and width % 2:
        return functional.conv2d(images, kernel, bias, padding=(height // 2, width // 2))
    top, left = (height - 1) // 2, (width - 1) // 2
    padded = functional.pad(images, (left, width - 1 - left, top, height - 1 - top))
    return functional.conv2d(padded, kernel, bias)
