"""The clips that a page of forecasts shows."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ablate.measurement.metrics import Ghost
from ablate.measurement.scoring.brightness import as_brightness
from ablate.report.data_uri import data_uri
from ablate.report.frame_grid import clip_strip, picked
from ablate.storage.records import Example


@dataclass(frozen=True)
class ShownClip:
    """A clip's number, its mean ghost ratio over the steps where it is defined, and its frames as a data URI."""

    number: int
    ghost: float
    strip: str


def shown_clips(example: Example, numbers: Sequence[int]) -> tuple[ShownClip, ...]:
    """Return the clips with these numbers, in this order; one whose frames were not kept is left out."""
    kept = [number for number in numbers if number in example.clips]
    return tuple(ShownClip(number, _ghost(example, number), _strip(example, number)) for number in kept)


def clip_of(example: Example, number: int) -> Example:
    """Return the clip with this number alone."""
    return picked(example, np.flatnonzero(example.clips == number)[:1])


def _strip(example: Example, number: int) -> str:
    return data_uri(".png", clip_strip(clip_of(example, number)))


def _ghost(example: Example, number: int) -> float:
    clip = clip_of(example, number)
    frames = (as_brightness(part) for part in (clip.forecast, clip.target, clip.history))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a clip without a defined step is undefined
        return float(np.nanmean(Ghost().per_frame(*frames)["ghost_ratio"]))
