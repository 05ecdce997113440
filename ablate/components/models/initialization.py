"""Initialization of the weights and biases of a convolution."""

from torch import Tensor, nn

from ablate.components.models.specs import Initialization


def fill_kernel(kernel: Tensor, scheme: Initialization) -> None:
    """Draw a kernel: Keras' glorot_uniform (Glorot & Bengio 2010), or torch's uniform within 1/sqrt(fan in)."""
    if scheme == "keras":
        nn.init.xavier_uniform_(kernel)
    else:
        nn.init.kaiming_uniform_(kernel, a=5**0.5)


def fill_state_kernel(kernel: Tensor, scheme: Initialization) -> None:
    """Draw a state-to-state kernel: Keras' orthogonal (Saxe et al. 2014, arXiv 1312.6120), or torch's uniform."""
    if scheme == "keras":
        nn.init.orthogonal_(kernel)
    else:
        fill_kernel(kernel, scheme)


def fill_bias(bias: Tensor, kernel: Tensor, scheme: Initialization) -> None:
    """Set the bias that belongs to a kernel: Keras' zeros, or torch's uniform within 1/sqrt(fan in) of the kernel."""
    if scheme == "keras":
        nn.init.zeros_(bias)
    else:
        limit = kernel[0].numel() ** -0.5
        nn.init.uniform_(bias, -limit, limit)


def fill_convolution(convolution: nn.Conv2d | nn.Conv3d, scheme: Initialization) -> None:
    """Draw the kernel and the bias of a convolution."""
    fill_kernel(convolution.weight, scheme)
    if convolution.bias is not None:
        fill_bias(convolution.bias, convolution.weight, scheme)
