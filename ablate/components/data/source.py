"""What training and evaluation ask of data."""

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Int

from ablate.core.arrays import Clips

Indices = Int[np.ndarray, " clip"]


class ClipSource(ABC):
    """Clips of true frames, uint8, 255 is full ink. Training and held-out clips share no digit image or clip."""

    @property
    @abstractmethod
    def training_size(self) -> int | None:
        """How many different training clips there are; None where they are generated without end."""

    @abstractmethod
    def training(self, indices: Indices, frames: int) -> Clips:
        """Return the training clips of the given indices (0 or more), cut to their first `frames` frames."""

    @abstractmethod
    def held_out(self, count: int, frames: int) -> Clips:
        """Return the first `count` held-out clips: the same for every run, whatever its seed."""
