"""The designs that lay out cells by themselves, and that others may build on."""

from typing import Annotated

from pydantic import Field

from ablate.design.d_optimal import DOptimal
from ablate.design.full_factorial import FullFactorial
from ablate.design.leave_one_out import LeaveOneOut
from ablate.design.one_at_a_time import OneAtATime

BASE_DESIGNS = (FullFactorial, OneAtATime, LeaveOneOut, DOptimal)
BaseDesign = Annotated[FullFactorial | OneAtATime | LeaveOneOut | DOptimal, Field(discriminator="kind")]
