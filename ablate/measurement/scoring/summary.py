"""The scores of a set of forecasts in short: means, the trail, the extreme clips, sentences, and their JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ablate.core.arrays import FrameScores
from ablate.measurement.metrics import METRICS
from ablate.measurement.metrics.contrast import MIN_CONTRAST, MIN_SPREADS
from ablate.measurement.metrics.ghost import DEFINITION, VISIBLE
from ablate.measurement.metrics.ghost_masks import LIT, MARGIN
from ablate.measurement.metrics.psnr import CEILING
from ablate.measurement.metrics.ssim import GAUSSIAN, OPENSTL
from ablate.measurement.metrics.trail import TRAIL
from ablate.measurement.run_mean import MEASURABLE_FROM
from ablate.measurement.scoring.alignment import COPY, MIN_SAVING, Alignment
from ablate.measurement.scoring.brightness import FULL_INK
from ablate.measurement.scoring.curves import CONFIDENCE, StepCurve, Trail, clip_means, mean_trail, step_curve
from ablate.measurement.scoring.scores import ForecastScores
from ablate.measurement.scoring.sentences import sentences

LAGS = tuple(metric.name for metric in TRAIL)
EXTREMES = 2
"""Clips at either end whose frames are stored and shown."""
CONVENTIONS = {
    "brightness": f"0 is black, 1 is full; integers were divided by {FULL_INK}",
    "lit": f"target brightness of {LIT:g} or more",
    "margin": f"{MARGIN} pixels around the ink of a step belong to its digits, diagonals included",
    "ghost_ratio": "brightness kept where digits were, over control pixels (dark, and with as much light from the "
    "digits), relative to that of the digits over the same control, both against their target brightness; null where "
    f"the digits exceed the control by less than {MIN_SPREADS:g} of its standard deviations, or by less than "
    f"{MIN_CONTRAST:g}",
    "definition": f"version {DEFINITION} of the ghost metrics; the numbers of another version cannot be compared",
    "visible_share": "share of the digits' earlier pixels that exceed the control by more than "
    f"{VISIBLE:g} of the digits' own contrast",
    "trail": "ghost by lag: on pixels last lit that many steps ago; decay_steps: steps to 1/e, null where it does not "
    "fade",
    "mse, mae": "summed over a frame's pixels, without clipping; mse_pixel and mae_pixel are means over them",
    "ssim": f"Gaussian window of sigma {GAUSSIAN['sigma']:g}, range {GAUSSIAN['data_range']:g}; ssim_openstl: uniform "
    f"window of {OPENSTL['win_size']:g} pixels, range {OPENSTL['data_range']:g}; both clip the forecast to [0, 1]",
    "psnr": f"dB, the forecast clipped to [0, 1]; at most {CEILING:g}",
    "alignment": "best_offset k > 0: forecast step t fits the target of step t-k, it is shown k frames late; k < 0: "
    f"early; not 0 only if it saves more than {100 * MIN_SAVING:g} % of the squared error, through movement",
    "copies": f"an input against which the squared error is below {100 * COPY:g} % of that against the target",
    "defined_share": "share of the forecast frames that define the metric; its mean is over the frames that happen to "
    f"be defined, and says little if that share is below {MEASURABLE_FROM:g}",
    "low, high": f"ends of the {100 * CONFIDENCE:g} % confidence interval of the mean over clips (Student's t)",
}


@dataclass(frozen=True)
class ForecastSummary:
    """The scores of a set of forecasts in short, for the page of forecasts and for `ablate score`."""

    clips: int
    steps: int
    undefined: int
    """Forecast frames (clip x step) without a defined ghost ratio."""
    curves: Mapping[str, StepCurve]
    """By metric name, in the order of METRICS, without the lags of the trail."""
    trail: Trail
    alignment: Alignment
    strongest: tuple[int, ...]
    """Clips with the largest mean ghost ratio, the largest first."""
    weakest: tuple[int, ...]
    """Clips with the smallest, the smallest first; no clip is in both."""
    sentences: tuple[str, ...]
    """Conclusions from these numbers, the most important first."""

    @property
    def shown_clips(self) -> tuple[int, ...]:
        """The clips to show: the strongest, then the weakest; the first clip if none has a ghost ratio."""
        return (*self.strongest, *self.weakest) or (0,)


def summarize(scores: ForecastScores) -> ForecastSummary:
    """Return means with confidence intervals over clips, the trail, the extreme clips, and sentences on all of it."""
    ghosts = scores.metrics["ghost_ratio"]
    strongest, weakest = strongest_and_weakest(ghosts, EXTREMES)
    curves = {name: step_curve(scores.metrics[name]) for name in METRICS if name not in LAGS}
    trail = mean_trail([scores.metrics[name] for name in LAGS])
    clips, steps = ghosts.shape
    undefined = int(np.isnan(ghosts).sum())
    return ForecastSummary(
        clips=clips,
        steps=steps,
        undefined=undefined,
        curves=curves,
        trail=trail,
        alignment=scores.alignment,
        strongest=strongest,
        weakest=weakest,
        sentences=sentences(clips, undefined, curves, trail, scores.alignment),
    )


def strongest_and_weakest(ghost_ratio: FrameScores, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the clips with the largest and the smallest mean ghost ratio over their defined steps, the extreme first.

    A clip without a defined step is in neither, and no clip is in both: of fewer than 2 x count clips, the stronger
    half are the strongest.
    """
    means = clip_means(ghost_ratio)
    order = np.argsort(-means, kind="stable")[: np.count_nonzero(~np.isnan(means))].tolist()
    strongest = order[: min(count, -(-len(order) // 2))]
    weakest = order[len(strongest) :][::-1][:count]
    return tuple(strongest), tuple(weakest)


def document(summary: ForecastSummary) -> dict[str, Any]:
    """Return the JSON of `ablate score` as plain values; an undefined number is None."""
    alignment, trail = summary.alignment, summary.trail
    curves = {name: _curve(curve) for name, curve in summary.curves.items()}
    visible = curves.pop("visible_share")
    return {
        **curves,
        "visible_share": visible["mean"],
        "visible_share_low": visible["low"],
        "visible_share_high": visible["high"],
        "visible_share_per_step": visible["per_step"],
        "visible_share_defined_share": visible["defined_share"],
        "trail": {
            "lag": list(trail.lag),
            "excess": _finite_values(trail.excess),
            "low": _finite_values(trail.low),
            "high": _finite_values(trail.high),
            "decay_steps": trail.decay_steps,
        },
        "alignment": {
            "best_offset": alignment.best_offset,
            "mse_by_offset": {str(offset): _finite(error) for offset, error in alignment.mse_by_offset.items()},
        },
        "copies_input": alignment.copies is not None,
        "copies": alignment.copies,
        "clips": summary.clips,
        "steps": summary.steps,
        "undefined": summary.undefined,
        "strongest_clips": list(summary.strongest),
        "weakest_clips": list(summary.weakest),
        "sentences": list(summary.sentences),
        "conventions": CONVENTIONS,
    }


def _curve(curve: StepCurve) -> dict[str, Any]:
    overall = {"mean": curve.mean, "low": curve.low, "high": curve.high}
    return {
        **{name: _finite(value) for name, value in overall.items()},
        "per_step": _finite_values(curve.per_step),
        "defined_share": curve.defined_share,
    }


def _finite_values(values: tuple[float, ...]) -> list[float | None]:
    return [_finite(value) for value in values]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
