"""The scores of a set of forecasts as a page."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ablate.analysis.phrases import decimals
from ablate.measurement.metrics import METRICS, Ghost, Metric
from ablate.measurement.metrics.ghost_masks import LIT, MARGIN
from ablate.measurement.scoring.alignment import Alignment
from ablate.measurement.scoring.brightness import as_brightness
from ablate.measurement.scoring.curves import CONFIDENCE, StepCurve, Trail
from ablate.measurement.scoring.summary import ForecastSummary
from ablate.report.animation import small_gif
from ablate.report.findings_page import shown_findings
from ablate.report.forecast_figures import offsets_figure, step_curve_figure, trail_figure
from ablate.report.frame_grid import clip_strip, clips_at
from ablate.report.page import data_uri, rendered, svg_uri
from ablate.storage.findings import Finding
from ablate.storage.records import Example

DRAWN = ("ghost_ratio", "signal_retention", "mse", "ssim")
"""Metrics drawn over the steps: a falling ghost ratio may only mean a fading or a worse forecast."""


@dataclass(frozen=True)
class ShownCurve:
    """A metric, its numbers, their number of decimals, and its chart if it is drawn and defined."""

    metric: Metric
    curve: StepCurve
    digits: int
    image: str | None


@dataclass(frozen=True)
class ShownClip:
    """A clip's number, its mean ghost ratio over the steps where it is defined, and its frames as a data URI."""

    number: int
    ghost: float
    strip: str


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

    `example` holds the frames of some clips, the strongest and the weakest of the summary included; its first clip is
    shown if no clip has a ghost ratio. `notes` say where the forecasts come from, `command` scores them again.
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
        ghost=next(curve for curve in curves if curve.metric.name == "ghost_ratio"),
        trail_image=_trail_image(summary.trail),
        offsets_image=svg_uri(offsets_figure(summary.alignment)),
        offset_digits=_offset_digits(summary.alignment),
        animation=data_uri(".gif", small_gif(_clip(example, moving))),
        moving=moving,
        ends=[("strongest", strongest), ("weakest", weakest)],
        unranked=() if strongest or weakest else shown_clips(example, [moving]),
        shown_findings=shown_findings(findings),
        notes=notes,
        command=command,
        constants={"lit": LIT, "margin": MARGIN, "confidence": 100 * CONFIDENCE},
    )


def shown_clips(example: Example, numbers: Sequence[int]) -> tuple[ShownClip, ...]:
    """Return the clips with these numbers, in this order; clips without stored frames are left out."""
    stored = [_clip(example, number) for number in numbers if number in example.clips]
    return tuple(
        ShownClip(int(clip.clips[0]), _mean_ghost(clip), data_uri(".png", clip_strip(clip))) for clip in stored
    )


def _clip(example: Example, number: int) -> Example:
    return clips_at(example, np.flatnonzero(example.clips == number)[:1])


def _mean_ghost(clip: Example) -> float:
    frames = (as_brightness(array) for array in (clip.forecast, clip.target, clip.history))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined step is undefined
        return float(np.nanmean(Ghost().per_frame(*frames)["ghost_ratio"]))


def _curve(name: str, curve: StepCurve) -> ShownCurve:
    is_drawn = name in DRAWN and not all(map(math.isnan, curve.per_step))
    image = svg_uri(step_curve_figure(name, curve)) if is_drawn else None
    return ShownCurve(METRICS[name], curve, decimals(curve.mean), image)


def _trail_image(trail: Trail) -> str | None:
    return None if all(map(math.isnan, trail.excess)) else svg_uri(trail_figure(trail))


def _offset_digits(alignment: Alignment) -> int:
    return decimals(min(alignment.mse_by_offset.values()))
