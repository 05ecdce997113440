"""Convolutions that keep an image's size, without a padded copy of the images for even kernels.

Libraries pad both sides equally. With an even kernel the result then has one row and one column too many; Keras'
"same" convolution is that result without its first row and first column. So where a kernel is even, results keep an
extra edge at the top and at the left. Its values are ignored in the forward pass and 0 in the backward pass.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class EdgePadding:
    """Results of square kernels; `edge` is 1 if any kernel that writes to them is even, else 0."""

    edge: int

    def inner(self, padded: Tensor) -> Tensor:
        """Return a view without the edge."""
        return padded[..., self.edge :, self.edge :] if self.edge else padded

    def clear_edge(self, padded: Tensor) -> None:
        """Set the edge to 0."""
        padded[..., : self.edge, :].zero_()
        padded[..., : self.edge].zero_()

    def fill_with_conv2d(self, padded: Tensor, images: Tensor, kernel: Tensor, bias: Tensor) -> None:
        """Write the convolution of images (batch, channel, height, width) into a result of the same memory layout."""
        if _is_outer_product(kernel):
            torch.addcmul(bias.view(-1, 1, 1), images, kernel.view(-1, 1, 1), out=self.inner(padded))
        else:  # no operator writes a convolution into a given tensor, but this one adds to it
            self.add_conv2d(padded.zero_(), images, kernel, bias)

    def add_conv2d(self, padded: Tensor, images: Tensor, kernel: Tensor, bias: Tensor | None = None) -> None:
        """Add the convolution to a result that has the memory layout of the images and the kernel.

        On a CPU oneDNN adds while it writes, which saves two passes over the result.
        """
        padding = kernel.shape[-1] // 2
        if padded.device.type != "cpu" or padded.dtype != torch.float32 or not self._has_own_edge(kernel):
            result = functional.conv2d(images, kernel, bias, padding=padding)
            (padded if self._has_own_edge(kernel) else self.inner(padded)).add_(result)
        else:  # the operator that torch.compile itself calls
            torch.ops.mkldnn._convolution_pointwise_.binary(
                padded, images, kernel, bias, [padding] * 2, [1, 1], [1, 1], 1, "add", 1.0, None, [], None
            )

    def images_gradient(self, grad_padded: Tensor, adjoint: Tensor) -> Tensor:
        """Return the gradient of the images: a convolution with the kernel that `adjoint_kernel` returns.

        oneDNN is up to a fifth faster at it than at its own backward pass.
        """
        grad_result = grad_padded if self._has_own_edge(adjoint) else self.inner(grad_padded)
        side = adjoint.shape[-1]
        return functional.conv2d(grad_result, adjoint, padding=side - 1 - side // 2)

    def kernel_gradient(self, grad_padded: Tensor, images: Tensor, kernel: Tensor) -> Tensor:
        """Return the gradient of the kernel."""
        grad_result = grad_padded if self._has_own_edge(kernel) else self.inner(grad_padded)
        if _is_outer_product(kernel):
            grad_pixels = grad_result.movedim(1, -1).flatten(0, -2)
            return (images.reshape(-1) @ grad_pixels).view(kernel.shape)
        padding, ones, transposed = [kernel.shape[-1] // 2] * 2, [1, 1], False
        gradient: Tensor = torch.ops.aten.convolution_backward(
            grad_result, images, kernel, None, ones, padding, ones, transposed, [0, 0], 1, [False, True, False]
        )[1]
        return gradient

    def _has_own_edge(self, kernel: Tensor) -> bool:
        """Return whether the kernel's result has exactly this edge: an even kernel and 1, or an odd one and 0."""
        return kernel.shape[-1] % 2 != self.edge


def adjoint_kernel(kernel: Tensor, layout: torch.memory_format) -> Tensor:
    """Return the kernel of the adjoint convolution: rotated by 180 degrees, filters and channels swapped."""
    return kernel.flip(2, 3).transpose(0, 1).clone(memory_format=layout)


def _is_outer_product(kernel: Tensor) -> bool:
    """Return whether the kernel is 1x1 over one channel; oneDNN picks a layout for it that must be copied."""
    return kernel.shape[1:].numel() == 1
