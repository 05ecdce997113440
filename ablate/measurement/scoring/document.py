"""The JSON of `ablate score`."""

import math
from typing import Any

from ablate.measurement.metrics.ghost import VISIBLE
from ablate.measurement.metrics.ghost_masks import LIT, MARGIN
from ablate.measurement.metrics.psnr import CEILING
from ablate.measurement.metrics.ssim import GAUSSIAN, OPENSTL
from ablate.measurement.scoring.alignment import CLEARLY, COPY
from ablate.measurement.scoring.brightness_range import FULL_INK
from ablate.measurement.scoring.forecast_scores import ForecastSummary, StepCurve
from ablate.measurement.scoring.interval import CONFIDENCE

CONVENTIONS = {
    "brightness": f"0 is black, 1 is full; integers were divided by {FULL_INK}",
    "lit": f"true brightness of {LIT:g} or more",
    "margin": f"{MARGIN} pixels around the ink of a step belong to its digits, diagonals included",
    "ghost_ratio": "brightness kept where digits were, over dark pixels that get as much light from the digits, "
    "relative to the digits' own, both against their true brightness; null where it is undefined",
    "visible_share": f"share of the digits' earlier places that exceed those dark pixels by more than {VISIBLE:g}",
    "trail": "ghost on pixels last lit so many steps ago; decay_steps: steps to 1/e, null where it does not fade",
    "mse, mae": "summed over a frame's pixels, without clipping; mse_pixel and mae_pixel are means over them",
    "ssim": f"Gaussian window of sigma {GAUSSIAN['sigma']:g}, range {GAUSSIAN['data_range']:g}; ssim_openstl: uniform "
    f"window of {OPENSTL['win_size']:g} pixels, range {OPENSTL['data_range']:g}; both clip the forecast to [0, 1]",
    "psnr": f"dB, the forecast clipped to [0, 1]; at most {CEILING:g}",
    "alignment": "best_offset k > 0: forecast step t fits the truth of step t-k, it is shown k frames late; k < 0: "
    f"early; named where that saves more than {100 * CLEARLY:g} % of the squared error, by movement",
    "copies": f"an input against which the squared error is below {100 * COPY:g} % of that against the truth",
    "low, high": f"ends of the {100 * CONFIDENCE:g} % interval of the mean over clips (Student's t)",
}


def document(summary: ForecastSummary) -> dict[str, Any]:
    """Return what `ablate score` writes: plain values, an undefined number is None."""
    alignment, trail = summary.alignment, summary.trail
    curves = {name: _curve(curve) for name, curve in summary.curves.items()}
    visible = curves.pop("visible_share")
    return {
        **curves,
        "visible_share": visible["mean"],
        "visible_share_low": visible["low"],
        "visible_share_high": visible["high"],
        "visible_share_per_step": visible["per_step"],
        "trail": {
            "lag": list(trail.lag),
            "excess": _row(trail.excess),
            "low": _row(trail.low),
            "high": _row(trail.high),
            "decay_steps": trail.decay_steps,
        },
        "alignment": {
            "best_offset": alignment.best_offset,
            "mse_by_offset": {str(offset): _number(error) for offset, error in alignment.mse_by_offset.items()},
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
    ends = {"mean": curve.mean, "low": curve.low, "high": curve.high}
    return {name: _number(value) for name, value in ends.items()} | {"per_step": _row(curve.per_step)}


def _row(values: tuple[float, ...]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
