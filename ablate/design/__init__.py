"""Designs: which combinations of levels are run. A new one is one file and one line in `base_designs.py`."""

from typing import Annotated

from pydantic import Field

from ablate.design.augment import Augment
from ablate.design.base_designs import BASE_DESIGNS, BaseDesign
from ablate.design.d_optimal import DOptimal
from ablate.design.design import Design, DesignFactor
from ablate.design.foldover import Foldover
from ablate.design.full_factorial import FullFactorial
from ablate.design.leave_one_out import LeaveOneOut
from ablate.design.one_at_a_time import OneAtATime

DESIGNS = (*BASE_DESIGNS, Foldover, Augment)
AnyDesign = Annotated[BaseDesign | Foldover | Augment, Field(discriminator="kind")]

__all__ = [
    "DESIGNS",
    "AnyDesign",
    "Augment",
    "DOptimal",
    "Design",
    "DesignFactor",
    "Foldover",
    "FullFactorial",
    "LeaveOneOut",
    "OneAtATime",
]
