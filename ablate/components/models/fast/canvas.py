"""Convolutions that keep an image's size, on canvases on which even kernels need no padded copy of their images.

Libraries pad both sides alike. With an even kernel the result then has one row and one column too many, and Keras'
"same" is all of it but the first of each. So where a kernel is even, results lie on canvases with such an edge above
and at the left; what stands there counts for nothing on the way forward, and is 0 on the way back.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Canvas:
    """Results of square kernels; `edge` is 1 if any of those that meet on the canvas is even, else 0."""

    edge: int

    def inner(self, canvas: Tensor) -> Tensor:
        """Return a view of what counts."""
        return canvas[..., self.edge :, self.edge :] if self.edge else canvas

    def clear_edge(self, canvas: Tensor) -> None:
        """Make 0 what does not count."""
        canvas[..., : self.edge, :].zero_()
        canvas[..., : self.edge].zero_()

    def fill_with_conv2d(self, canvas: Tensor, images: Tensor, kernel: Tensor, bias: Tensor) -> None:
        """Write the convolution of images (batch, channel, height, width) on a canvas of the same layout."""
        if _is_outer_product(kernel):
            torch.addcmul(bias.view(-1, 1, 1), images, kernel.view(-1, 1, 1), out=self.inner(canvas))
        else:  # no operator writes a convolution into a given place, but this one adds to it
            self.add_conv2d(canvas.zero_(), images, kernel, bias)

    def add_conv2d(self, canvas: Tensor, images: Tensor, kernel: Tensor, bias: Tensor | None = None) -> None:
        """Add the convolution to a canvas, which lies in memory as the images and the kernel do.

        On a CPU oneDNN adds while it writes, which saves two passes over the canvas.
        """
        padding = kernel.shape[-1] // 2
        if canvas.device.type != "cpu" or canvas.dtype != torch.float32 or not self._fills(kernel):
            result = functional.conv2d(images, kernel, bias, padding=padding)
            (canvas if self._fills(kernel) else self.inner(canvas)).add_(result)
        else:  # the operator that torch.compile itself calls
            torch.ops.mkldnn._convolution_pointwise_.binary(
                canvas, images, kernel, bias, [padding] * 2, [1, 1], [1, 1], 1, "add", 1.0, None, [], None
            )

    def images_gradient(self, of_canvas: Tensor, turned: Tensor) -> Tensor:
        """Return the gradient of the images: a convolution too, with the kernel as `turned` returns it.

        oneDNN is up to a fifth quicker at it than at its own backward pass.
        """
        of_result = of_canvas if self._fills(turned) else self.inner(of_canvas)
        side = turned.shape[-1]
        return functional.conv2d(of_result, turned, padding=side - 1 - side // 2)

    def kernel_gradient(self, of_canvas: Tensor, images: Tensor, kernel: Tensor) -> Tensor:
        """Return the gradient of the kernel."""
        of_result = of_canvas if self._fills(kernel) else self.inner(of_canvas)
        if _is_outer_product(kernel):
            pulls = of_result.movedim(1, -1).flatten(0, -2)
            return (images.reshape(-1) @ pulls).view(kernel.shape)
        padding, ones, transposed = [kernel.shape[-1] // 2] * 2, [1, 1], False
        gradient: Tensor = torch.ops.aten.convolution_backward(
            of_result, images, kernel, None, ones, padding, ones, transposed, [0, 0], 1, [False, True, False]
        )[1]
        return gradient

    def _fills(self, kernel: Tensor) -> bool:
        return kernel.shape[-1] % 2 != self.edge


def turned(kernel: Tensor, layout: torch.memory_format) -> Tensor:
    """Return a kernel that leads back: turned by 180 degrees, filters and channels swapped."""
    return kernel.flip(2, 3).transpose(0, 1).clone(memory_format=layout)


def _is_outer_product(kernel: Tensor) -> bool:
    """Tell whether every pixel is one number, for which oneDNN picks a layout that must be copied."""
    return kernel.shape[1:].numel() == 1
