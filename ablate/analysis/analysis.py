"""What a study found, as plain values."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from ablate.analysis.cells import Cell, Curve
from ablate.analysis.extremes import RunAt
from ablate.analysis.outcomes import Outcomes, WithoutResponse
from ablate.analysis.study_table import Measured, Response
from ablate.analysis.views import ViewMeans
from ablate.core.plain_json import plain
from ablate.inference.document import document
from ablate.inference.factor_levels import FactorLevels
from ablate.inference.inference import Inference


@dataclass(frozen=True)
class Analysis:
    """Everything a report says of a study, in the unit of its response.

    `deviations` say in whole sentences what was changed after the plan was frozen. `best` and `worst` are None where no
    run has a response. `warnings` are whole sentences about what weakens the numbers, those of the inference included.
    """

    question: str
    exploratory: bool
    deviations: tuple[str, ...]
    response: Response
    secondary: tuple[Measured, ...]
    factors: tuple[FactorLevels, ...]
    inference: Inference
    outcomes: Outcomes
    without_response: tuple[WithoutResponse, ...]
    cells: tuple[Cell, ...]
    curves: tuple[Curve, ...]
    views: tuple[ViewMeans, ...]
    best: RunAt | None
    worst: RunAt | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as dicts, lists and numbers that JSON can hold; NaN becomes None.

        What was inferred stands beside the rest, in the form of `ablate analyze --json`.
        """
        inferred = document(replace(self.inference, warnings=self.warnings))
        own = {key: value for key, value in asdict(self).items() if key != "inference"}
        whole: dict[str, Any] = plain(own | inferred)
        return whole
