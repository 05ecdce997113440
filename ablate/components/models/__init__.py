"""Models. A new model needs a spec in `specs.py`, its module in another file, and its name in both lists here."""

from typing import Annotated

from pydantic import Field

from ablate.components.models.specs import Blank, ConvLSTM, EncoderForecaster, ModelSpec, Persistence, Planted

MODELS = (ConvLSTM, EncoderForecaster, Persistence, Blank, Planted)
AnyModel = Annotated[ConvLSTM | EncoderForecaster | Persistence | Blank | Planted, Field(discriminator="kind")]

__all__ = ["MODELS", "AnyModel", "Blank", "ConvLSTM", "EncoderForecaster", "ModelSpec", "Persistence", "Planted"]
