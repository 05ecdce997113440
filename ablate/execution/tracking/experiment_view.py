"""How the runs of a study look when MLflow opens them: a sorted table of factors, seed, response and quality."""

import json

from ablate.execution.tracking.run_names import factor_columns
from ablate.execution.tracking.run_numbers import RESPONSE
from ablate.execution.tracking.run_tags import OUTCOME, tag
from ablate.measurement.metrics import METRICS, SECONDARY
from ablate.study import StudySpec

KEY = "ablate"
TAG = f"mlflow.sharedViewState.{KEY}"
"""Tag of an experiment that holds a view of its runs; an address with the key opens it."""
FIRST_COLUMNS = {"attributes.`Run Name`": 140, "runDateAndNestInfo": 125}
"""MLflow's own columns, name and start, and their widths in pixels: the response must be in sight on a laptop."""
NARROW, WIDE, PADDING, LETTER = 64, 110, 26, 8
"""Widths in pixels: of a column of small numbers, of the widest one, of the margins of a heading, of its letters."""
WORKFLOW = "workflowType=machine_learning"
"""Part of every address: without it MLflow opens its pages for language models."""


def view_state(study: StudySpec, *, is_older: bool) -> str:
    """Return the view of a study's runs in the form that MLflow 3.17 reads.

    The best response comes first, where a direction is better, else the smallest. Runs without a response come last.
    `is_older` says that the experiment has runs of a version that named the columns of factors by their whole path.
    """
    columns = _columns(study, is_older=is_older)
    return json.dumps(
        {
            "selectedColumns": list(columns),
            "columnOrder": [*FIRST_COLUMNS, *columns],
            "columnWidths": FIRST_COLUMNS | columns,
            "orderByKey": f"metrics.`{RESPONSE}`",
            "orderByAsc": not METRICS[study.response.metric].higher_is_better,
            "runsExpanded": {},
        }
    )


def runs_address(base_url: str, experiment: str, *, has_view: bool) -> str:
    """Return the address of the runs of an experiment, in the study's own view if the experiment has it."""
    view = f"&viewStateShareKey={KEY}" if has_view else ""
    return f"{base_url}/#/experiments/{experiment}/runs?{WORKFLOW}{view}"


def run_address(base_url: str, experiment: str, run_id: str) -> str:
    """Return the address of the page of one run."""
    return f"{base_url}/#/experiments/{experiment}/runs/{run_id}?{WORKFLOW}"


def _columns(study: StudySpec, *, is_older: bool) -> dict[str, int]:
    """Return the columns from left to right, and their widths in pixels."""
    headings = factor_columns(study)
    factors = [f"factor.{path}" if is_older else headings[path] for path in study.factors]
    quality = [f"{study.response.view}/{name}" for name in SECONDARY if name != study.response.metric]
    return (
        {f"params.`{name}`": _width(name) for name in factors}
        | {"params.`seed`": NARROW, f"metrics.`{RESPONSE}`": WIDE}
        | {f"metrics.`{name}`": WIDE for name in quality}
        | {f"tags.`{tag(OUTCOME)}`": WIDE}
    )


def _width(heading: str) -> int:
    return max(NARROW, min(WIDE, PADDING + LETTER * len(heading)))
