"""Losses. A new one is one file and one line in each of the two lists here."""

from typing import Annotated

from pydantic import Field

from ablate.components.losses.bce import BCE
from ablate.components.losses.gradient_difference import GradientDifference
from ablate.components.losses.l1 import L1
from ablate.components.losses.l1_l2 import L1L2
from ablate.components.losses.loss import Loss
from ablate.components.losses.mse import MSE
from ablate.components.losses.ssim import SSIM

LOSSES = (BCE, MSE, L1, L1L2, SSIM, GradientDifference)
AnyLoss = Annotated[BCE | MSE | L1 | L1L2 | SSIM | GradientDifference, Field(discriminator="kind")]

__all__ = ["BCE", "L1", "L1L2", "LOSSES", "MSE", "SSIM", "AnyLoss", "GradientDifference", "Loss"]
