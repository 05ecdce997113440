"""Runs that share no seed: studentized sign flips of single runs.

Each run is a block. Residuals under the hypothesis, divided by what their leverage leaves of them, change signs
jointly, and the statistic divides by the variance HC2 of the refitted model, so that levels may differ in their noise.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int8

from ablate.inference.hypotheses import Direction
from ablate.inference.step_down import quadratic_forms, surprise_f

ENUMERATED = 13  # runs; of more, flips are drawn
FULL_LEVERAGE = 1 - 1e-6  # a run that alone determines a column has no residual, and takes no part
LEAST_LEFT = 0.05  # of a run's variance: HC2 divides by it, and a smaller divisor lets one run decide
BATCH_NUMBERS = 4_000_000  # numbers at a time: 32 MB
TINY = 1e-12  # of the largest square: rounding


def statistics(
    directions: Sequence[Direction], signs: Int8[np.ndarray, "flip run"]
) -> tuple[Float[np.ndarray, "hypothesis flip"], Float[np.ndarray, " hypothesis"]]:
    """Return the statistic of every hypothesis under every flip, and its observed statistic, as -log P(F > f).

    f = S' (q' diag(r_i^2 / max(1 - h_i, 0.05)) q)^-1 S / k, with r and the leverages h of the full model, and k and
    runs - parameters degrees of freedom. The observed statistic is that of the responses, not that of residuals whose
    signs are unchanged.
    """
    rows, observed = [], []
    for direction in directions:
        noise = _scaled_residual(direction)
        batch = max(1, BATCH_NUMBERS // max(1, len(noise)))
        parts = [_surprise(direction, signs[at : at + batch] * noise) for at in range(0, len(signs), batch)]
        rows.append(np.concatenate(parts))
        observed.append(float(_surprise(direction, direction.model.observations.response[np.newaxis])[0]))
    return np.array(rows).reshape(len(directions), len(signs)), np.array(observed)


def full_leverage(direction: Direction) -> int:
    """Return the number of runs that alone determine a column of the model, and so take no part in the test."""
    return int((_leverage(direction.model.basis) > FULL_LEVERAGE).sum())


def _scaled_residual(direction: Direction) -> Float[np.ndarray, " run"]:
    """Return the residuals without the hypothesis, each divided by the root of what its leverage leaves of it."""
    reduced = _leverage(direction.model.basis) - _leverage(direction.axes)
    takes_part = reduced <= FULL_LEVERAGE
    scaled: np.ndarray = np.where(
        takes_part, direction.reduced_residual / np.sqrt(np.where(takes_part, 1 - reduced, 1.0)), 0.0
    )
    return scaled


def _surprise(direction: Direction, responses: Float[np.ndarray, "flip run"]) -> Float[np.ndarray, " flip"]:
    model, axes, width = direction.model, direction.axes, direction.width
    leverage = _leverage(model.basis)
    takes_part = leverage <= FULL_LEVERAGE
    left = np.where(takes_part, np.maximum(1 - leverage, LEAST_LEFT), np.inf)
    sums = responses @ axes
    squares = (responses - (responses @ model.basis) @ model.basis.T) ** 2
    products = (axes[:, :, np.newaxis] * axes[:, np.newaxis]).reshape(len(axes), -1) / left[:, np.newaxis]
    variance = (squares @ products).reshape(-1, width, width)
    floor = TINY * float((responses**2).max(initial=0)) + float(np.finfo(float).tiny)
    variance = variance + floor * np.eye(width)
    return surprise_f(quadratic_forms(sums, variance) / width, width, model.freedom)


def _leverage(basis: Float[np.ndarray, "run axis"]) -> Float[np.ndarray, " run"]:
    leverage: np.ndarray = (basis**2).sum(axis=1)
    return leverage
