"""Unmeasurable runs in a report: pictures of some of them, and how many frames the means of the others are over."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ablate.analysis.analysis import Analysis
from ablate.analysis.phrases import percent
from ablate.analysis.unmeasurable import UNMEASURABLE
from ablate.report.page import file_uri
from ablate.report.words import run_words
from ablate.storage.paths import StudyPaths

PICTURED = 4  # unmeasurable runs of different cells: enough to see why, and the page stays small
DEFINED_FRAMES = "mean over the frames that happen to be defined"


@dataclass(frozen=True)
class UnmeasurableRun:
    """An unmeasurable run: its id, caption and reason, its frames as a data URI, and its page in the study's folder."""

    run_id: str
    caption: str
    reason: str
    grid: str
    page: str


def unmeasurable_runs(analysis: Analysis, paths: StudyPaths) -> tuple[UnmeasurableRun, ...]:
    """Return the first unmeasurable run of each cell that has a picture, PICTURED at most."""
    view, by_cell = analysis.response.view, dict[tuple[str, ...], UnmeasurableRun]()
    for run in analysis.without_response:
        cell, files = tuple(run.levels.values()), paths.run(run.run_id)
        grid = files.frame_grid(view)
        if run.outcome != UNMEASURABLE or cell in by_cell or not grid.exists() or len(by_cell) == PICTURED:
            continue
        by_cell[cell] = UnmeasurableRun(
            run_id=run.run_id,
            caption=f"Unmeasurable: {run_words(run.levels, run.seed, analysis.factors)}",
            reason=run.message,
            grid=file_uri(grid) or "",
            page=str(files.forecast_page(view).relative_to(paths.folder)),
        )
    return tuple(by_cell.values())


def frames_behind(shares: Iterable[float]) -> str:
    """Return how many frames means are over, in words: of the shares in [0, 1] the smallest and the largest.

    It is empty if every frame is defined, or there are no means.
    """
    known = [share for share in shares if not math.isnan(share)]
    if not known or min(known) == 1:
        return ""
    low, high = percent(round(min(known), 3)), percent(round(max(known), 3))
    return f"{DEFINED_FRAMES}: {low if low == high else f'{low} to {high}'} of them"


def frames_of(share: float) -> str:
    """Return how many of its frames one mean is over, to follow the mean; empty if all are defined."""
    if math.isnan(share) or share == 1:
        return ""
    return f", mean over the {percent(round(share, 3))} of its frames that happen to be defined"
