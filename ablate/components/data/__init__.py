"""Sources of clips. A new source needs one file and its name in both lists here."""

from typing import Annotated

from pydantic import Field

from ablate.components.data.moving_mnist import MovingMNIST
from ablate.components.data.moving_mnist_file import MovingMNISTFile

DATA = (MovingMNIST, MovingMNISTFile)
Data = Annotated[MovingMNIST | MovingMNISTFile, Field(discriminator="kind")]

__all__ = ["DATA", "Data", "MovingMNIST", "MovingMNISTFile"]
