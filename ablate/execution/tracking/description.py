"""One run on one screen, in the Markdown that MLflow shows as its description."""

import math

from ablate.measurement.metrics import METRICS
from ablate.storage.paths import RunPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec

DIVERGED = "**Diverged**: the loss or a weight stopped being a finite number, so there is no forecast to score."


def description(study: StudySpec, record: RunRecord, run_id: str, paths: RunPaths) -> str:
    """Return the finding in the first line (MLflow folds the rest away), then the pictures and every mean.

    The pictures are the run's own artifacts, the view of the response first.
    """
    if record.outcome == "diverged":
        return DIVERGED
    views = sorted(record.examples, key=lambda view: view != study.response.view)
    grids = [(view, paths.frame_grid(view)) for view in views]
    pictures = [f"![{view}](get-artifact?run_uuid={run_id}&path={grid.name})" for view, grid in grids if grid.exists()]
    return "\n\n".join([_finding(study, record), *pictures, _table(record, views)])


def _finding(study: StudySpec, record: RunRecord) -> str:
    response = study.response
    value, metric = response.of(record.scores), METRICS[response.metric]
    written = "undefined" if math.isnan(value) else f"{value:.3g}"
    return f"**{metric.title.capitalize()}: {written}** ({metric.unit}), view `{response.view}`"


def _table(record: RunRecord, views: list[str]) -> str:
    means = record.means
    metrics = sorted({key.partition("/")[2] for key in means})
    rows = [[name, *(_cell(means.get(f"{view}/{name}")) for view in views)] for name in metrics]
    lines = [["mean over clips and steps", *views], ["---"] * (len(views) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(mean: float | None) -> str:
    return "undefined" if mean is None else f"{mean:.4g}"
