"""The JSON of `ablate score`."""

import math
from typing import Any

from ablate.metrics.ghost_masks import LIT, MARGIN
from ablate.scoring.forecast_scores import ForecastSummary, StepCurve
from ablate.scoring.interval import CONFIDENCE

CONVENTIONS = {
    "brightness": "0 is black, 1 is full; uint8 was divided by 255",
    "lit": f"true brightness of {LIT:g} or more",
    "margin": f"{MARGIN} pixels around the ink of a step belong to its digits, diagonals included",
    "ghost_ratio": "brightness kept where digits were, over a control that gets as much light from the digits of now, "
    "relative to the digits' own, both against their true brightness; null where it is undefined",
    "mse, mae": "summed over a frame's pixels, without clipping; mse_pixel and mae_pixel are means over them",
    "ssim": "Gaussian window of 11 pixels, range 1; ssim_openstl: uniform window of 7 pixels, range 2",
    "psnr": "dB, the forecast clipped to [0, 1]",
    "alignment": "best_offset k > 0: forecast step t fits the truth of step t-k, it is shown k frames late",
    "low, high": f"ends of the {100 * CONFIDENCE:g} % interval of the mean over clips (Student's t)",
    "trail": "ghost on pixels last lit so many steps ago; decay_steps: steps to 1/e, null where it does not fade",
}


def document(summary: ForecastSummary) -> dict[str, Any]:
    """Return what `ablate score` writes: plain values, an undefined number is None."""
    alignment, trail = summary.alignment, summary.trail
    curves = {name: _curve(curve) for name, curve in summary.curves.items()}
    visible = curves.pop("visible_share")
    return {
        **curves,
        "visible_share": visible["mean"],
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
            "mse_by_offset": {str(offset): error for offset, error in alignment.mse_by_offset.items()},
        },
        "copies_input": alignment.copies is not None,
        "copies": alignment.copies,
        "clips": summary.clips,
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
