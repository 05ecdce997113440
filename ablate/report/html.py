"""The report as one page that needs nothing beside itself."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ablate.analysis.analysis import Analysis
from ablate.analysis.answer import EXPLORATORY, conclusions
from ablate.analysis.cells import CellCurve
from ablate.analysis.phrases import decimals
from ablate.measurement.metrics import Metric
from ablate.report.curves_figure import curves_figure
from ablate.report.data_uri import svg_uri
from ablate.report.page import rendered
from ablate.report.pictures import shown
from ablate.report.questioned import questioned
from ablate.report.shown_inference import ShownInference
from ablate.report.words import titles_of
from ablate.storage.paths import StudyPaths

DRAWN = ("signal_retention", "mse")
"""Measures drawn over the steps beside the response: a falling ghost may only be a fading or a worse forecast."""


@dataclass(frozen=True)
class StepChart:
    """A measure over the forecast steps: the chart, and its numbers for readers who cannot see it."""

    metric: Metric
    image: str
    curves: Sequence[CellCurve]
    digits: int


def page(analysis: Analysis, paths: StudyPaths, provenance: Mapping[str, str]) -> str:
    """Return the page."""
    return rendered("report.html.j2", **_context(analysis, paths, provenance))


def _context(analysis: Analysis, paths: StudyPaths, provenance: Mapping[str, str]) -> dict[str, Any]:
    response = analysis.response.metric
    level = decimals(max((abs(cell.mean) for cell in analysis.cells if cell.defined), default=0.0))
    metrics = (response, *analysis.secondary)
    nets = questioned(analysis, paths)
    return {
        "analysis": analysis,
        "name": paths.folder.name,
        "answer": conclusions(analysis),
        "exploratory": EXPLORATORY if analysis.exploratory else None,
        "titles": titles_of(analysis.factors),
        "metrics": metrics,
        "inference": ShownInference(analysis.inference, response.title, decided=not analysis.exploratory),
        "level_digits": level,
        "measure_digits": {metric.name: _digits(analysis, metric) for metric in metrics},
        "charts": [chart for metric in metrics if (chart := _chart(analysis, metric))],
        "shown": shown(analysis, paths, level),
        "questioned": nets,
        "questions": list(dict.fromkeys(title for net in nets for title in net.answers)),
        "provenance": provenance,
    }


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
    return decimals(max((mean for mean in means if mean == mean), default=0.0))  # noqa: PLR0124  # NaN differs from itself
