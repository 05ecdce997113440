"""How fast the digits of a clip move."""

from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ablate.core.tensors import Video
from ablate.measurement.metrics.ghost_masks import LIT

Pixels = Float[Tensor, " pixel"]


def digit_speed(clips: Video) -> float:
    """Return the pixels that digits move in a step, by the farther of the two directions; NaN without digits.

    It is the mean over lit pixels of their `shifts`. Where digits cross, some are mistaken.
    """
    moved = shifts(clips)
    return moved.mean().item() if len(moved) else float("nan")


def shifts(clips: Video) -> Pixels:
    """Return for every lit pixel of every frame but the first how far (chessboard) it came from.

    Block matching: the shift of the frame before, up to a sixth of the frame, that leaves the least squared
    difference in the window around the pixel, a quarter of the frame wide; the shortest of equals.
    """
    before, now = clips[:, :-1].flatten(0, 1), clips[:, 1:].flatten(0, 1)
    farthest, window = now.shape[-1] // 6, now.shape[-1] // 4 | 1
    ways = range(-farthest, farthest + 1)
    padded = functional.pad(before, (farthest,) * 4)
    least, moved = torch.full_like(now, torch.inf), torch.zeros_like(now)
    for down, right in sorted(product(ways, ways), key=_length):
        shifted = padded[..., farthest - down :, farthest - right :][..., : now.shape[-2], : now.shape[-1]]
        cost = _window_mean((now - shifted).square(), window)
        better = cost < least
        least, moved = torch.where(better, cost, least), moved.masked_fill(better, _length((down, right)))
    return moved[now >= LIT]


def _window_mean(images: Tensor, window: int) -> Tensor:
    """Return the mean over the window around each pixel: rows first, then columns, which costs far less."""
    rows = functional.avg_pool2d(images, (1, window), stride=1, padding=(0, window // 2))
    return functional.avg_pool2d(rows, (window, 1), stride=1, padding=(window // 2, 0))


def _length(shift: tuple[int, int]) -> int:
    return max(abs(shift[0]), abs(shift[1]))
