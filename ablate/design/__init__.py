"""Designs: which combinations of levels are run.

A new design is one file, its import here, and its class in one of the two unions: `_StandAlone`, or `_FollowUp` if it
builds on another design.
"""

from typing import Annotated, get_args

from pydantic import Field

from ablate.design.d_optimal import DOptimal
from ablate.design.design import Design, DesignFactor
from ablate.design.follow_up import Augment, Foldover
from ablate.design.full_factorial import FullFactorial
from ablate.design.one_at_a_time import LeaveOneOut, OneAtATime

_StandAlone = FullFactorial | OneAtATime | LeaveOneOut | DOptimal
_FollowUp = Foldover | Augment

DESIGNS: tuple[type[Design], ...] = (*get_args(_StandAlone), *get_args(_FollowUp))
BaseDesign = Annotated[_StandAlone, Field(discriminator="kind")]
"""A design on which a follow-up design may build."""
AnyDesign = Annotated[BaseDesign | _FollowUp, Field(discriminator="kind")]

for _design in get_args(_FollowUp):
    _design.model_rebuild(_types_namespace={"BaseDesign": BaseDesign})  # a follow-up design may build on any of them

__all__ = [
    "DESIGNS",
    "AnyDesign",
    "Augment",
    "BaseDesign",
    "DOptimal",
    "Design",
    "DesignFactor",
    "Foldover",
    "FullFactorial",
    "LeaveOneOut",
    "OneAtATime",
]
