"""Frames of nothing but black and full ink."""

from typing import Annotated

import numpy as np
from pydantic import Field

from ablate.core.arrays import Clips

Threshold = Annotated[int, Field(ge=1, le=255)]
"""The least ink that counts as full ink."""


def binarized(clips: Clips, threshold: int | None) -> Clips:
    """Turn pixels of `threshold` and more to 255 and all others to 0; None leaves them as they are."""
    return clips if threshold is None else (clips >= threshold) * np.uint8(255)
