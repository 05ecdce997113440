"""The handwritten digits of MNIST that come with the package, at any size up to 28 x 28 pixels."""

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

Digits = UInt8[np.ndarray, "digit side side"]
"""Images of digits: 0 is paper, 255 is full ink."""

Split = Literal["train", "test"]

SIDE = 28


@lru_cache
def digits(split: Split, side: int) -> Digits:
    """Return MNIST's digits of one split, shrunk to `side` x `side` pixels (1 to 28).

    A pixel of the result is the mean ink over its area of the original, rounded. There are 10,000
    training and 2,000 test digits; no image is in both. Callers share the array, so it is read-only.
    """
    with (
        as_file(files("ablate.components.data") / "mnist_digits.npz") as path,
        np.load(path, allow_pickle=False) as arrays,
    ):
        images = arrays[f"{split}_images"]
    weights = _area_weights(side)
    shrunk: Digits = np.rint(weights @ images @ weights.T).astype(np.uint8)
    shrunk.setflags(write=False)
    return shrunk


def _area_weights(side: int) -> Float[np.ndarray, "side original"]:
    """Return the weight of every original row in every row of the result.

    Each original row is cut into `side` slices; 28 consecutive slices form a row of the result.
    """
    slices = np.repeat(np.eye(SIDE), side, axis=0)
    weights: Float[np.ndarray, "side original"] = slices.reshape(side, SIDE, SIDE).mean(axis=1)
    return weights
