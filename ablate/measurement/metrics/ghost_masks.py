"""Which pixels the ghost metrics compare: masks that depend on the target frames and the history alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from ablate.core.arrays import Frames, History

LIT = 0.5
"""Target brightness above the background from which a pixel counts as lit. Any ink, however faint, is above 0."""
MARGIN = 2
"""Pixels around the ink of a frame that still belong to its digits, diagonals included: blur is no ghost."""
LONGEST_LAG = 12
"""Steps after which a pixel no longer has an age."""
HALO_SIGMA = 2.5
"""Width of the halo's blur in pixels: in the middle of the blurs that forecasts show (1 to 4 pixels)."""
LEVELS_PER_OCTAVE = 2
"""Halo levels for each halving of the light: light within one level differs by less than a factor of 1.42."""
OCTAVES = 10
"""Halvings with levels: below a thousandth of a digit's light there is no halo."""
HALO_LEVELS = LEVELS_PER_OCTAVE * OCTAVES + 1

Mask = Bool[np.ndarray, "clip step height width"]
Age = UInt8[np.ndarray, "clip step height width"]
HaloLevel = UInt8[np.ndarray, "clip step height width"]


@dataclass(frozen=True)
class Past:
    """What each pixel showed before each forecast step, in the history and in the target frames since."""

    brightest: Frames
    """The largest brightness of the pixel."""
    last_lit: Frames
    """The pixel's brightness when it was last lit; 0 if it never was."""
    age: Age
    """Steps since the pixel was last lit; 0 if it had fainter ink since, or if that is more than LONGEST_LAG ago."""


def past_of(target: Frames, history: History, ink: float = LIT) -> Past:
    """Return what each pixel showed before each forecast step, in one pass over the frames of all clips."""
    history_length, steps = history.shape[1], target.shape[1]
    brightest, last_lit = np.zeros_like(target), np.zeros_like(target)
    age = np.zeros(target.shape, np.uint8)
    so_far, light, lag = brightest[:, 0].copy(), last_lit[:, 0].copy(), age[:, 0].copy()
    for time in range(history_length + steps):
        step = time - history_length
        if step >= 0:
            brightest[:, step], last_lit[:, step], age[:, step] = so_far, light, lag
        frame = history[:, time] if step < 0 else target[:, step]
        lit = frame >= ink
        np.maximum(so_far, frame, out=so_far)
        np.copyto(light, frame, where=lit)
        lag += lag > 0
        lag *= (frame == 0) & (lag <= LONGEST_LAG)
        lag += lit
    return Past(brightest, last_lit, age)


@dataclass(frozen=True)
class GhostMasks:
    """The kinds of pixels at every forecast step. They depend on the target frames and the history alone."""

    present: Mask
    """Lit at this step."""
    stale: Mask
    """Lit in an earlier frame, and farther than MARGIN from any ink of this step."""
    control: Mask
    """Without ink in this and every earlier frame, and farther than MARGIN from any ink of this step."""
    past: Past
    """What the earlier frames showed at each pixel."""


def ghost_masks(target: Frames, history: History, ink: float = LIT) -> GhostMasks:
    """Return the masks. The earlier frames of a step are the history and the target frames before that step.

    Brightness is that above the background, at least 0. A pixel is lit from the brightness `ink` on.
    """
    past = past_of(target, history, ink)
    far = ~near(target > 0)
    return GhostMasks(target >= ink, far & (past.brightest >= ink), far & (past.brightest == 0), past)


def near(marked: Mask) -> Mask:
    """Return the pixels at most MARGIN from a marked pixel of their frame, diagonals included."""
    columns = marked.copy()
    for shift in range(1, MARGIN + 1):
        columns[..., shift:, :] |= marked[..., :-shift, :]
        columns[..., :-shift, :] |= marked[..., shift:, :]
    square = columns.copy()
    for shift in range(1, MARGIN + 1):
        square[..., shift:] |= columns[..., :-shift]
        square[..., :-shift] |= columns[..., shift:]
    return square


def halo_level(digits: Frames) -> HaloLevel:
    """Return floor(-LEVELS_PER_OCTAVE * log2(digits blurred by HALO_SIGMA)), from 0 (bright) to HALO_LEVELS - 1 (dark).

    Pixels of one level get nearly the same light from the digits under any blur, wherever they are: beside a stroke,
    off its end, or in a bend, where the same distance means more light. The blur is an untruncated Gaussian, and the
    outside of the frame is dark. It is computed as a product of matrices, which is fast at these sizes.
    """
    height, width = digits.shape[2:]
    light = _gaussian(height, digits.dtype) @ digits @ _gaussian(width, digits.dtype)
    level: HaloLevel = (-LEVELS_PER_OCTAVE * np.log2(np.clip(light, 2.0**-OCTAVES, 1.0))).astype(np.uint8)
    return level


def _gaussian(side: int, dtype: np.dtype[np.floating]) -> Float[np.ndarray, "side side"]:
    """Return the weight of each pixel of a row in the blurred value of each."""
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    return np.asarray(np.exp(-0.5 * (distance / HALO_SIGMA) ** 2) / (HALO_SIGMA * np.sqrt(2 * np.pi)), dtype)
