"""What every result with verdicts shows of them as pandas tables."""

from abc import ABC, abstractmethod

import pandas as pd

from ablate.api.frames import effects_frame, interactions_frame, verdicts_frame
from ablate.inference.inference import Inference


class InferredTables(ABC):
    """The verdicts, effects and interactions of an inference."""

    @property
    @abstractmethod
    def inference(self) -> Inference:
        """The inference itself, with everything that the tables leave out."""

    @property
    def verdicts(self) -> pd.DataFrame:
        """One row per factor: factor, verdict, partners, p, p_adjusted, reason, and more."""
        return verdicts_frame(self.inference)

    @property
    def effects(self) -> pd.DataFrame:
        """One row per contrast of levels: estimate, confidence interval, p, and more, in the response's unit."""
        return effects_frame(self.inference)

    @property
    def interactions(self) -> pd.DataFrame:
        """One row per tested pair of factors."""
        return interactions_frame(self.inference)
