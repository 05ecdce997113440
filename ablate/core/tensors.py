"""Named shapes of torch tensors; the tests check them."""

from jaxtyping import Float
from torch import Tensor

Video = Float[Tensor, "batch time channel height width"]
"""Frames in [0, 1], or logits of such frames."""

Frame = Float[Tensor, "batch channel height width"]
"""One time step of a Video, or of a layer's features."""

Forecast = Float[Tensor, "batch step channel height width"]
"""Frames in [0, 1], or logits of such frames, one per forecast step."""

Scalar = Float[Tensor, ""]
"""One number, such as a loss."""
