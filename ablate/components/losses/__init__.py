"""Losses. A new loss needs a spec in `specs.py`, its function in another file, and its name in both lists here."""

from typing import Annotated

from pydantic import Field

from ablate.components.losses.specs import BCE, L1, L1L2, MSE, GradientDifference, LossSpec, SSIMLoss

LOSSES = (BCE, MSE, L1, L1L2, SSIMLoss, GradientDifference)
AnyLoss = Annotated[BCE | MSE | L1 | L1L2 | SSIMLoss | GradientDifference, Field(discriminator="kind")]

__all__ = ["BCE", "L1", "L1L2", "LOSSES", "MSE", "AnyLoss", "GradientDifference", "LossSpec", "SSIMLoss"]
