"""What training and evaluation need from data, and the binarization that every source of clips offers."""

from abc import ABC, abstractmethod
from typing import Annotated

import numpy as np
from jaxtyping import Int
from pydantic import Field

from ablate.core.arrays import Clips

Indices = Int[np.ndarray, " clip"]

Threshold = Annotated[int, Field(ge=1, le=255)]
"""Pixels of at least this value count as full ink."""


class ClipSource(ABC):
    """Clips of true frames, uint8; 255 is full ink. Training and held-out clips share no digit image and no clip."""

    @property
    @abstractmethod
    def training_size(self) -> int | None:
        """Number of different training clips; None if they are generated without end."""

    @property
    @abstractmethod
    def held_out_size(self) -> int | None:
        """Number of held-out clips; None if they are generated without end."""

    @abstractmethod
    def training(self, indices: Indices, frames: int) -> Clips:
        """Return the training clips with these indices (from 0), cut to their first `frames` frames."""

    @abstractmethod
    def held_out(self, count: int, frames: int) -> Clips:
        """Return the first `count` held-out clips. They are the same for every run, whatever its seed."""


def binarized(clips: Clips, threshold: int | None) -> Clips:
    """Set pixels of at least `threshold` to 255 and all others to 0; None changes nothing."""
    return clips if threshold is None else (clips >= threshold) * np.uint8(255)
