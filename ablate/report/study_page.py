"""The report of a study as one page, and the page of any table's inference. Both need no other file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from ablate.analysis.analysis import Analysis
from ablate.analysis.answer import EXPLORATORY, conclusions
from ablate.analysis.cells import CellCurve, ViewMeans
from ablate.analysis.outcomes import RunResult
from ablate.analysis.phrases import decimals, percent
from ablate.analysis.verdict_sentences import verdict_sentences
from ablate.inference.inference import Inference
from ablate.measurement.metrics import Metric
from ablate.report.effects_chart import effects_chart
from ablate.report.findings_page import probed_networks
from ablate.report.first_screen import FirstScreen
from ablate.report.page import file_uri, rendered, svg_uri
from ablate.report.runs_of_contrasts import pictured_runs, runs_of_contrasts
from ablate.report.sequential_figure import paths_figure
from ablate.report.shown_inference import ShownInference, mark
from ablate.report.study_figures import curves_figure
from ablate.report.unmeasurable_runs import frames_behind, frames_of, unmeasurable_runs
from ablate.report.words import number, run_words, spaced, titles_of
from ablate.storage.paths import StudyPaths

DRAWN = ("signal_retention", "mse")
"""Secondary metrics drawn over the steps: a falling ghost ratio may only mean a fading or a worse forecast."""
EFFECTS = "effects"
"""Identifier of the table of effects in the page."""
NOTES_FIRST = 2  # changes of the plan before the answer; a longer list follows it, so that the answer stays in sight
ANIMATIONS = 4 * 2**20  # bytes in one page; it must still open at once from an email


@dataclass(frozen=True)
class StepChart:
    """A metric over the forecast steps: the chart, and its numbers for readers who cannot see it."""

    metric: Metric
    image: str
    curves: Sequence[CellCurve]
    digits: int

    @property
    def frames(self) -> str:
        """How many frames the means are over, in words; empty if all are defined."""
        return frames_behind(share for curve in self.curves for share in curve.defined_share)


@dataclass(frozen=True)
class ShownRun:
    """A run in one view: its caption, and its pictures as data URIs, None where there is none."""

    caption: str
    grid: str | None
    animation: str | None


def html_report(analysis: Analysis, screen: FirstScreen, paths: StudyPaths, reproduce: Mapping[str, str]) -> str:
    """Return the page of a study; equal input gives equal text."""
    context = _context(analysis, paths, reproduce) | _linked(analysis, screen, paths)
    return rendered("report.html.j2", **context)


def evidence_page(
    inference: Inference, response: str, title: str, judged: Mapping[str, Inference] | None = None
) -> str:
    """Return the page of any table of runs; equal input gives equal text.

    `response` is the title of the response, `judged` has further responses that are judged with it, by title.
    """
    further = judged or {}
    answers = (verdict_sentences(result, name) for name, result in {response: inference, **further}.items())
    return rendered(
        "evidence.html.j2",
        title=title,
        shown=ShownInference(inference, response, decided=True),
        judged=[ShownInference(result, name, decided=True) for name, result in further.items()],
        answer=tuple(chain.from_iterable(answers)),
    )


def _context(analysis: Analysis, paths: StudyPaths, reproduce: Mapping[str, str]) -> dict[str, Any]:
    response = analysis.response.metric
    response_digits = decimals(max((abs(cell.mean) for cell in analysis.cells if cell.defined), default=0.0))
    metrics = (response, *analysis.secondary)
    networks = probed_networks(analysis, paths)
    return {
        "analysis": analysis,
        "name": paths.folder.name,
        "answer": conclusions(analysis),
        "exploratory": EXPLORATORY if analysis.exploratory else None,
        "titles": titles_of(analysis.factors),
        "titles_by_path": {factor.path: factor.title for factor in analysis.factors},
        "metrics": metrics,
        "inference": ShownInference(analysis.inference, response.title, decided=not analysis.exploratory),
        "looks_image": _looks_image(analysis),
        "judged": [
            ShownInference(judged.inference, judged.metric.title, decided=not analysis.exploratory)
            for judged in analysis.judged
        ],
        "response_digits": response_digits,
        "metric_digits": {metric.name: _digits(analysis, metric) for metric in metrics},
        "charts": [chart for metric in metrics if (chart := _chart(analysis, metric))],
        "shown_runs": shown_runs(analysis, paths, response_digits),
        "floor": percent(analysis.response.measurable_from),
        "unmeasurable_runs": unmeasurable_runs(analysis, paths),
        "run_frames": frames_behind(run.defined_share for run in analysis.runs if run.is_measured),
        "cell_frames": frames_behind(share for cell in analysis.cells for share in cell.defined_share.values()),
        "view_frames": frames_behind(share for view in analysis.views for share in view.defined_share.values()),
        "networks": networks,
        "probes": list(dict.fromkeys(title for network in networks for title in network.results)),
        "reproduce": reproduce,
    }


def _linked(analysis: Analysis, screen: FirstScreen, paths: StudyPaths) -> dict[str, Any]:
    """Return the first screen and the runs, with the links from each sentence to its effect, its runs and pictures."""
    inference = ShownInference(analysis.inference, analysis.response.metric.title, decided=not analysis.exploratory)
    anchors = inference.anchors(EFFECTS)
    rows = {verdict.factor: f"{EFFECTS}-{row}-1" for row, verdict in enumerate(inference.verdicts, 1)}
    contrasts = runs_of_contrasts(analysis, inference, EFFECTS)
    with_runs = {contrast.contrast_anchor: contrast.anchor for contrast in contrasts}
    pictured = pictured_runs(analysis, paths)
    return {
        "screen": screen,
        "mark": mark,
        "chart": effects_chart(screen.sentences, inference, anchors),
        "sentence_anchors": [
            anchors[sentence.factor, sentence.effect.contrast] if sentence.effect else rows[sentence.factor]
            for sentence in screen.sentences
        ],
        "contrasts": contrasts,
        "runs_of": {effect: with_runs[anchor] for effect, anchor in anchors.items() if anchor in with_runs},
        "pictured": pictured,
        "run_anchors": {entry.run.run_id: entry.anchor for entry in pictured},
        "notes_first": NOTES_FIRST,
    }


def _looks_image(analysis: Analysis) -> str | None:
    """Return the chart of a sequential study's factors over its looks; None where there is none."""
    factors = [path for path in analysis.looks.paths if path.is_factor] if analysis.looks else []
    return svg_uri(paths_figure(factors)) if factors else None


def _chart(analysis: Analysis, metric: Metric) -> StepChart | None:
    curves = [curve for curve in analysis.curves if curve.metric == metric]
    if metric != analysis.response.metric and metric.name not in DRAWN:
        return None
    if all(math.isnan(value) for curve in curves for value in curve.values):
        return None
    image = svg_uri(curves_figure(curves, titles_of(analysis.factors), metric.title))
    return StepChart(metric, image, curves, _digits(analysis, metric))


def _digits(analysis: Analysis, metric: Metric) -> int:
    means = [abs(view.means[metric.name]) for view in analysis.views]
    return decimals(max((mean for mean in means if not math.isnan(mean)), default=0.0))


def shown_runs(analysis: Analysis, paths: StudyPaths, digits: int) -> tuple[ShownRun, ...]:
    """Return the worst and the best run in the view of the response; a single run in all its views."""
    captions = _captions(analysis, digits)
    animated = _within(ANIMATIONS, [paths.run(run.run_id).animation(view) for run, view, _ in captions])
    shown_runs = []
    for run, view, caption in captions:
        files = paths.run(run.run_id)
        animation = files.animation(view)
        animation_uri = file_uri(animation) if animation in animated else None
        shown_runs.append(ShownRun(caption, file_uri(files.frame_grid(view)), animation_uri))
    return tuple(run for run in shown_runs if run.grid or run.animation)


def _captions(analysis: Analysis, digits: int) -> list[tuple[RunResult, str, str]]:
    """Return the runs to show: run, view and caption."""
    metric, best, worst = analysis.response.metric, analysis.best, analysis.worst
    if best is None or worst is None:
        return []

    def value_of(view: ViewMeans) -> str:
        mean, share = view.means[metric.name], view.defined_share[metric.name]
        return f"{number(mean, digits)}{frames_of(share)}"

    if best.run_id == worst.run_id:
        return [
            (
                best,
                view.view,
                f"{spaced(view.view)}: {metric.title} {value_of(view)}",
            )
            for view in analysis.views
        ]
    captions = []
    for rank, run in (("Worst", worst), ("Best", best)):
        words = run_words(run.levels, run.seed, analysis.factors)
        value = f"{number(run.response, digits)}{frames_of(run.defined_share)}"
        captions.append((run, analysis.response.view, f"{rank} {metric.title}: {value} ({words})"))
    return captions


def _within(budget: int, files: Sequence[Path]) -> set[Path]:
    """Return the existing files that fit into the budget of bytes, the first files first."""
    chosen: set[Path] = set()
    for file in (file for file in files if file.exists()):
        budget -= file.stat().st_size
        if budget < 0:
            break
        chosen.add(file)
    return chosen
