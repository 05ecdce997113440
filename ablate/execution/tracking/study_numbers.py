"""The settings and the results of a whole study as MLflow shows them in the parent run."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ablate.execution.tracking.run_names import cell_name, factor_columns
from ablate.execution.tracking.run_numbers import flat_settings
from ablate.storage.paths import StudyPaths
from ablate.study import StudySpec

DIGITS = 10  # MLflow shows every digit, and the last ones of a mean are noise
COUNTED = ("finished", "unmeasurable", "diverged", "failed")
"""Outcomes that are counted in the parent run, beside the planned runs."""


def study_settings(study: StudySpec) -> dict[str, str]:
    """Return the parameters of the parent run: response, design, the levels of each factor, and the base run."""
    response = study.response
    last = response.last_step or study.base.evaluation.horizon
    settings = {
        "response": f"{response.metric} of view {response.view}, steps {response.first_step} to {last}",
        "design": study.design.kind,
        "seeds": ", ".join(map(str, study.seeds)),
    }
    columns = factor_columns(study)
    levels = {columns[path]: ", ".join(factor.level_names()) for path, factor in study.factors.items()}
    base = {path: value for path, value in flat_settings(study.base) if path != "seed"}
    return settings | levels | base


def study_results(study: StudySpec, paths: StudyPaths) -> dict[str, float]:
    """Return the metrics of the parent run, from the numbers of the report; nothing if there is no readable report.

    Each effect has its confidence interval and its adjusted p-value, each cell the mean of the response over its seeds.
    """
    try:
        report = json.loads(paths.report_json.read_text(encoding="utf-8"))
        results = dict([*_cells(study, report), *_effects(study, report), *_counts(report)])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    numbers = {name: value for name, value in results.items() if value is not None and math.isfinite(value)}
    return {name: float(f"{value:.{DIGITS}g}") for name, value in numbers.items()}


def _cells(study: StudySpec, report: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for cell in report["cells"]:
        yield f"cell_mean/{cell_name(study, cell['levels'])}", cell["mean"]


def _effects(study: StudySpec, report: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    columns = factor_columns(study)
    for verdict in report["verdicts"]:
        for effect in verdict["effects"]:
            name = f"{columns[verdict['factor']]}: {effect['contrast']}"
            yield f"effect/{name}", effect["estimate"]
            yield f"effect_low/{name}", effect["low"]
            yield f"effect_high/{name}", effect["high"]
            yield f"effect_p/{name}", effect["p_adjusted"]


def _counts(report: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    outcomes = report["outcomes"]
    yield "runs/planned", outcomes["planned"]
    for outcome in COUNTED:
        yield f"runs/{outcome}", outcomes[outcome]
