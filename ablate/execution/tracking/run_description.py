"""What MLflow shows about a run: a description in Markdown, the user who started it, and the commit."""

import getpass
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

from ablate.analysis.phrases import percent
from ablate.analysis.unmeasurable import DIVERGED
from ablate.execution.measured_run import MeasuredRun
from ablate.measurement.metrics import METRICS
from ablate.storage.paths import RunPaths
from ablate.storage.records import RunRecord
from ablate.study import StudySpec

GIT_SECONDS = 5
DIVERGED_NOTE = "**Diverged**: the loss or a weight stopped being a finite number, so there is no forecast to score."


def description(study: StudySpec, record: RunRecord, measured: MeasuredRun, run_id: str, paths: RunPaths) -> str:
    """Return the response in the first line (MLflow folds the other lines), then the pictures and every mean.

    The pictures are artifacts of the run, the view of the response first.
    """
    if measured.outcome == DIVERGED:
        return DIVERGED_NOTE
    views = sorted(
        {*record.examples, *(view for view, _ in record.metric_means)},
        key=lambda view: (view != study.response.view, view),
    )
    grids = [(view, paths.frame_grid(view)) for view in views]
    pictures = [f"![{view}](get-artifact?run_uuid={run_id}&path={grid.name})" for view, grid in grids if grid.exists()]
    return "\n\n".join([_response_line(study, measured), *pictures, _table(record, measured, views)])


def _response_line(study: StudySpec, measured: MeasuredRun) -> str:
    response, metric = study.response, METRICS[study.response.metric]
    if measured.reason:
        return f"**Unmeasurable**: {measured.reason}. View `{response.view}`"
    frames = "" if measured.defined_share == 1 else f", {_frames(measured.defined_share)}"
    value = f"{measured.response:.3g}"
    return f"**{metric.title.capitalize()}: {value}** ({metric.unit}), view `{response.view}`{frames}"


def _table(record: RunRecord, measured: MeasuredRun, views: list[str]) -> str:
    metrics = sorted({metric for _, metric in record.metric_means})
    rows = [[metric, *(_cell(measured, view, metric) for view in views)] for metric in metrics]
    lines = [["mean over clips and steps", *views], ["---"] * (len(views) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(measured: MeasuredRun, view: str, metric: str) -> str:
    mean, share = measured.means.get((view, metric)), measured.defined_shares.get((view, metric), 0.0)
    if mean is None:
        return f"unmeasurable ({_frames(share)})" if share else "undefined"
    return f"{mean:.4g}" if share == 1 else f"{mean:.4g} ({_frames(share)})"


def _frames(share: float) -> str:
    return f"defined in {percent(round(share, 3))} of the frames"


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
