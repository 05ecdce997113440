"""Models. A new one is one file and one line in each of the two lists here."""

from typing import Annotated

from pydantic import Field

from ablate.components.models.blank import Blank
from ablate.components.models.convlstm import ConvLSTM
from ablate.components.models.encoder_forecaster import EncoderForecaster
from ablate.components.models.forecaster import Forecaster, NextFrameModel, TrainableForecaster
from ablate.components.models.persistence import Persistence
from ablate.components.models.planted import Planted

MODELS = (ConvLSTM, EncoderForecaster, Persistence, Blank, Planted)
AnyModel = Annotated[ConvLSTM | EncoderForecaster | Persistence | Blank | Planted, Field(discriminator="kind")]

__all__ = [
    "MODELS",
    "AnyModel",
    "Blank",
    "ConvLSTM",
    "EncoderForecaster",
    "Forecaster",
    "NextFrameModel",
    "Persistence",
    "Planted",
    "TrainableForecaster",
]
