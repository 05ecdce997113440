"""How the runs of a study look when MLflow opens them: a sorted table of factors, seed, response and quality."""

import json
from collections.abc import Sequence

from ablate.execution.tracking.run_numbers import RESPONSE
from ablate.execution.tracking.run_tags import OUTCOME, tag
from ablate.measurement.metrics import METRICS, SECONDARY
from ablate.study import StudySpec

KEY = "ablate"
TAG = f"mlflow.sharedViewState.{KEY}"
"""Tag of an experiment that holds a view of its runs; an address with the key opens it."""
WORKFLOW = "workflowType=machine_learning"
"""Part of every address: without it MLflow opens its pages for language models."""


def view_state(study: StudySpec) -> str:
    """Return the view of a study's runs in the form that MLflow 3.17 reads.

    The best response comes first, where a direction is better, else the smallest. Runs without a response come last.
    """
    columns = _columns(study)
    higher_is_better = METRICS[study.response.metric].higher_is_better
    return json.dumps(
        {
            "selectedColumns": columns,
            "columnOrder": columns,
            "orderByKey": f"metrics.`{RESPONSE}`",
            "orderByAsc": not higher_is_better,
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


def _columns(study: StudySpec) -> Sequence[str]:
    """Return the columns from left to right. Parameters are in every store; the tags of factors are not."""
    quality = [name for name in SECONDARY if name != study.response.metric]
    return [
        *(f"params.`factor.{path}`" for path in study.factors),
        "params.`seed`",
        f"metrics.`{RESPONSE}`",
        *(f"metrics.`{study.response.view}/{name}`" for name in quality),
        f"tags.`{tag(OUTCOME)}`",
    ]
