"""What a study file says, as frozen values: the base run, the factors, and the points they span."""

from ablate.spec.change import changed
from ablate.spec.factor import Factor, level_name
from ablate.spec.response import Response
from ablate.spec.run import Adam, Evaluation, RunSpec, Training, View
from ablate.spec.study import Analysis, Budget, Cell, Point, Resources, StudySpec

__all__ = [
    "Adam",
    "Analysis",
    "Budget",
    "Cell",
    "Evaluation",
    "Factor",
    "Point",
    "Resources",
    "Response",
    "RunSpec",
    "StudySpec",
    "Training",
    "View",
    "changed",
    "level_name",
]
