"""Models. A new one is one file and one line in each of the two lists here."""

from typing import Annotated

from pydantic import Field

from ablate.models.blank import Blank
from ablate.models.convlstm import ConvLSTM
from ablate.models.copy_last import CopyLast
from ablate.models.encoder_forecaster import EncoderForecaster
from ablate.models.forecaster import Forecaster, NextFrameModel, TrainableForecaster
from ablate.models.planted import Planted

MODELS = (ConvLSTM, EncoderForecaster, CopyLast, Blank, Planted)
AnyModel = Annotated[ConvLSTM | EncoderForecaster | CopyLast | Blank | Planted, Field(discriminator="kind")]

__all__ = [
    "MODELS",
    "AnyModel",
    "Blank",
    "ConvLSTM",
    "CopyLast",
    "EncoderForecaster",
    "Forecaster",
    "NextFrameModel",
    "Planted",
    "TrainableForecaster",
]
