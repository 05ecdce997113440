"""The pictures of a report's page, each inside the page itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablate.analysis.analysis import Analysis
from ablate.analysis.outcomes import RunResult
from ablate.report.data_uri import file_uri
from ablate.report.words import number, run_words, spaced
from ablate.storage.paths import StudyPaths

ANIMATIONS = 4 * 2**20  # bytes in one page; it must still open at once from a mail


@dataclass(frozen=True)
class Shown:
    """A run in one view: what it is, and its pictures as data URIs, None where there is none."""

    caption: str
    grid: str | None
    animation: str | None


def shown(analysis: Analysis, paths: StudyPaths, digits: int) -> tuple[Shown, ...]:
    """Return the runs with the highest and the lowest response in its view; a lone run in all its views."""
    places = _places(analysis, digits)
    moving = _within(ANIMATIONS, [paths.run(run.run_id).animation(view) for run, view, _ in places])
    found = []
    for run, view, caption in places:
        files = paths.run(run.run_id)
        animation = files.animation(view)
        found.append(
            Shown(caption, file_uri(files.frame_grid(view)), file_uri(animation) if animation in moving else None)
        )
    return tuple(one for one in found if one.grid or one.animation)


def _places(analysis: Analysis, digits: int) -> list[tuple[RunResult, str, str]]:
    """Return what to show: the run, the view, and what to say of it."""
    metric, best, worst = analysis.response.metric, analysis.best, analysis.worst
    if best is None or worst is None:
        return []
    if best.run_id == worst.run_id:
        return [
            (best, view.view, f"{spaced(view.view)}: {metric.title} {number(view.means[metric.name], digits)}")
            for view in analysis.views
        ]
    return [
        (
            run,
            analysis.response.view,
            f"{end} {metric.title}: {number(run.response, digits)} ({_which(analysis, run)})",
        )
        for end, run in (("Worst", worst), ("Best", best))
    ]


def _which(analysis: Analysis, run: RunResult) -> str:
    return run_words(run.levels, run.seed, analysis.factors)


def _within(budget: int, files: Sequence[Path]) -> set[Path]:
    """Return the files that fit the budget, the first ones first."""
    chosen: set[Path] = set()
    for file in _existing(files):
        budget -= file.stat().st_size
        if budget < 0:
            break
        chosen.add(file)
    return chosen


def _existing(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.exists()]
