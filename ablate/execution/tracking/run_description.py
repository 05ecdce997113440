"""What MLflow shows about a run: a description in Markdown, the user who started it, and the commit."""

import getpass
import math
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from ablate.measurement.metrics import METRICS
from ablate.storage.paths import RunPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec

GIT_SECONDS = 5
DIVERGED = "**Diverged**: the loss or a weight stopped being a finite number, so there is no forecast to score."


def description(study: StudySpec, record: RunRecord, run_id: str, paths: RunPaths) -> str:
    """Return the response in the first line (MLflow folds the other lines), then the pictures and every mean.

    The pictures are artifacts of the run, the view of the response first.
    """
    if record.outcome == "diverged":
        return DIVERGED
    views = sorted(record.examples, key=lambda view: view != study.response.view)
    grids = [(view, paths.frame_grid(view)) for view in views]
    pictures = [f"![{view}](get-artifact?run_uuid={run_id}&path={grid.name})" for view, grid in grids if grid.exists()]
    return "\n\n".join([_response_line(study, record), *pictures, _table(record, views)])


def _response_line(study: StudySpec, record: RunRecord) -> str:
    response = study.response
    value, metric = response.of(record.scores), METRICS[response.metric]
    written = "undefined" if math.isnan(value) else f"{value:.3g}"
    return f"**{metric.title.capitalize()}: {written}** ({metric.unit}), view `{response.view}`"


def _table(record: RunRecord, views: list[str]) -> str:
    means = record.metric_means
    metrics = sorted({metric for _, metric in means})
    rows = [[metric, *(_cell(means.get((view, metric))) for view in views)] for metric in metrics]
    lines = [["mean over clips and steps", *views], ["---"] * (len(views) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(mean: float | None) -> str:
    return "undefined" if mean is None else f"{mean:.4g}"


def user() -> str | None:
    """Return the user's name, or None where the system knows none for this process."""
    with suppress(OSError, KeyError, ImportError):  # a container may run under a number without a name
        return getpass.getuser()
    return None


@cache
def commit(folder: Path) -> str | None:
    """Return the commit of the checkout that tracks `folder`, or None.

    A package installed in a virtual environment inside a checkout does not belong to that checkout.
    """
    command = ["git", "-C", str(folder), "rev-parse", "HEAD", "HEAD:./"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)  # noqa: S603  # fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.split()[0]
