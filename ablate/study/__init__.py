"""What a study file says, as immutable values: the base run, the factors, and the planned runs."""

from ablate.study.factor import Factor, level_name
from ablate.study.level_runs import changed
from ablate.study.response import Response
from ablate.study.run import Evaluation, RunSpec, Training, View
from ablate.study.study import Budget, Cell, PlannedRun, Resources, StudySpec

__all__ = [
    "Budget",
    "Cell",
    "Evaluation",
    "Factor",
    "PlannedRun",
    "Resources",
    "Response",
    "RunSpec",
    "StudySpec",
    "Training",
    "View",
    "changed",
    "level_name",
]
