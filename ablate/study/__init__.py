"""What a study file says, as frozen values: the base run, the factors, and the points they span."""

from ablate.study.change import changed
from ablate.study.factor import Factor, level_name
from ablate.study.response import Response
from ablate.study.run import Adam, Evaluation, RunSpec, Training, View
from ablate.study.study import Budget, Cell, PlannedRun, Resources, StudySpec

__all__ = [
    "Adam",
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
