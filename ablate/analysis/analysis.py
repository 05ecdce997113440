"""What a study found, as plain values."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from ablate.analysis.bootstrap import Resampling
from ablate.analysis.cells import Cell, Curve
from ablate.analysis.effects import Effect
from ablate.analysis.extremes import RunAt
from ablate.analysis.interactions import Interaction
from ablate.analysis.outcomes import Outcomes, WithoutResponse
from ablate.analysis.study_table import Measured, Response
from ablate.analysis.views import ViewMeans
from ablate.inference.factor_levels import FactorLevels


@dataclass(frozen=True)
class Analysis:
    """Everything a report says of a study, in the unit of its response.

    Effects and interactions come largest first. `best` and `worst` are None where no run has a
    response. `warnings` are whole sentences about what weakens the numbers.
    """

    question: str
    exploratory: bool
    response: Response
    companions: tuple[Measured, ...]
    factors: tuple[FactorLevels, ...]
    resampling: Resampling
    outcomes: Outcomes
    without_response: tuple[WithoutResponse, ...]
    cells: tuple[Cell, ...]
    effects: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    curves: tuple[Curve, ...]
    views: tuple[ViewMeans, ...]
    best: RunAt | None
    worst: RunAt | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as dicts, lists and numbers that JSON can hold; NaN becomes None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
