"""Designs: which combinations of levels are run. A new one is one file and one line here."""

from typing import Annotated

from pydantic import Field

from ablate.design.design import Design, DesignFactor
from ablate.design.full_factorial import FullFactorial
from ablate.design.one_at_a_time import OneAtATime

DESIGNS = (FullFactorial, OneAtATime)
AnyDesign = Annotated[FullFactorial | OneAtATime, Field(discriminator="kind")]

__all__ = ["DESIGNS", "AnyDesign", "Design", "DesignFactor", "FullFactorial", "OneAtATime"]
