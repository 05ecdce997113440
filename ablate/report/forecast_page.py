"""What was measured of a set of forecasts, as a page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ablate.analysis.phrases import decimals
from ablate.measurement.metrics import METRICS, Metric
from ablate.measurement.metrics.ghost_masks import LIT, MARGIN
from ablate.measurement.scoring.alignment import Alignment
from ablate.measurement.scoring.curves import CONFIDENCE, StepCurve, Trail
from ablate.measurement.scoring.summary import ForecastSummary
from ablate.report.animation import small_gif
from ablate.report.clip_pictures import clip_of, shown_clips
from ablate.report.data_uri import data_uri, svg_uri
from ablate.report.forecast_figures import offsets_figure, step_curve_figure, trail_figure
from ablate.report.page import rendered
from ablate.report.shown_findings import shown_findings
from ablate.storage.findings import Finding
from ablate.storage.records import Example

DRAWN = ("ghost_ratio", "signal_retention", "mse", "ssim")
"""Measures drawn over the steps: a falling ghost may only be a fading or a worse forecast."""


@dataclass(frozen=True)
class ShownCurve:
    """A measure, its numbers, the digits that they are written with, and its chart where it is drawn and defined."""

    metric: Metric
    curve: StepCurve
    digits: int
    image: str | None


def forecast_page(  # noqa: PLR0913, PLR0917  # a page has that many parts, most of them optional
    title: str,
    summary: ForecastSummary,
    example: Example,
    findings: Sequence[Finding] = (),
    advice: Sequence[str] = (),
    command: str | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Return the page; equal input gives equal text.

    `example` holds the frames of clips by their number, the strongest and the weakest of the summary among them;
    its first clip is shown where no ghost is defined. `notes` say how the forecasts came about, `command` scores
    them again.
    """
    strongest, weakest = (shown_clips(example, numbers) for numbers in (summary.strongest, summary.weakest))
    moving = strongest[0].number if strongest else int(example.clips[0])
    curves = tuple(_curve(name, curve) for name, curve in summary.curves.items())
    return rendered(
        "forecast.html.j2",
        title=title,
        summary=summary,
        advice=advice,
        curves=curves,
        ghost=next(shown for shown in curves if shown.metric.name == "ghost_ratio"),
        trail_image=_trail_image(summary.trail),
        offsets_image=svg_uri(offsets_figure(summary.alignment)),
        offset_digits=_offset_digits(summary.alignment),
        animation=data_uri(".gif", small_gif(clip_of(example, moving))),
        moving=moving,
        ends=[("strongest", strongest), ("weakest", weakest)],
        other=() if strongest or weakest else shown_clips(example, [moving]),
        shown_findings=shown_findings(findings),
        notes=notes,
        command=command,
        constants={"lit": LIT, "margin": MARGIN, "confidence": 100 * CONFIDENCE},
    )


def _curve(name: str, curve: StepCurve) -> ShownCurve:
    drawn = name in DRAWN and not all(map(math.isnan, curve.per_step))
    image = svg_uri(step_curve_figure(name, curve)) if drawn else None
    return ShownCurve(METRICS[name], curve, decimals(curve.mean), image)


def _trail_image(trail: Trail) -> str | None:
    return None if all(map(math.isnan, trail.excess)) else svg_uri(trail_figure(trail))


def _offset_digits(alignment: Alignment) -> int:
    return decimals(min(alignment.mse_by_offset.values()))
