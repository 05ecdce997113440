"""Designed tables with six seeds or more: joint sign flips of whole seeds, with a shrunken scale.

A factor without an effect may change the response of single seeds, in either direction alike; its effect may differ
from seed to seed. So the signs of whole seeds are exchangeable. Runs that are missing make a flip of the residuals of
one hypothesis leak into the other terms; V takes that out of the statistic.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int8

from ablate.inference.hypotheses import Direction
from ablate.inference.step_down import quadratic_forms, surprise_chi2

ENUMERATED = 17  # seeds: all 65,536 flips take less than a second
# A factor that swings from seed to seed would hide every other cause under one pooled scale, and a scale of each
# hypothesis alone costs up to half the power. With a weight of 8 instead, one-sided noise errs in 10 % of tables.
POOLED_WEIGHT = 16
RIDGE = 1e-6  # a direction or a seed without information adds 0
BATCH = 4_096  # flips at a time: their matrices stay in the cache
NOTHING = 1e-12  # of the largest response: a score that is only rounding


def statistics(
    directions: Sequence[Direction], signs: Int8[np.ndarray, "flip seed"]
) -> Float[np.ndarray, "hypothesis flip"]:
    """Return the statistic of every hypothesis under every flip, on the scale -log P(chi2 > a); the first is observed.

    For scores s_b of the seeds (sums of axes q times residuals without the hypothesis), S(g) = sum g_b s_b. The scores
    have the covariance V(g) of what the flipped axes keep beside the other terms, so a(g) = S' V^-1 S, divided by a
    scale that no flip changes: (16 s0 + n m) / (16 + n), with m the mean square of the hypothesis's scores, and s0 the
    median of m over the family.
    """
    scores = [_without_rounding(direction.scores) for direction in directions]
    mean_squares = np.array([float((s**2).sum()) / s.shape[1] for s in scores])
    pooled, n = float(np.median(mean_squares)) if len(mean_squares) else 0.0, signs.shape[1]
    scales = (POOLED_WEIGHT * pooled + n * mean_squares) / (POOLED_WEIGHT + n)
    rows = []
    for direction, score, scale in zip(directions, scores, scales, strict=True):
        if scale == 0:
            rows.append(np.zeros(len(signs)))
            continue
        parts = [_squares(direction, score, signs[at : at + BATCH]) for at in range(0, len(signs), BATCH)]
        rows.append(surprise_chi2(np.concatenate(parts) / scale, direction.width))
    return np.array(rows).reshape(len(directions), len(signs))


def _squares(
    direction: Direction, scores: Float[np.ndarray, "seed axis"], signs: Int8[np.ndarray, "flip seed"]
) -> Float[np.ndarray, " flip"]:
    """Return a(g) = S' V^-1 S of every flip."""
    observations, basis, axes = direction.model.observations, direction.model.basis, direction.axes
    flips, width = signs.astype(float), direction.width
    sums = flips @ scores
    within_axes = np.array([axes[runs].T @ axes[runs] for runs in observations.slices])
    within_basis = np.array([basis[runs].T @ axes[runs] for runs in observations.slices])
    along_axes = (flips @ within_axes.reshape(len(scores), -1)).reshape(-1, width, width)
    along_basis = (flips @ within_basis.reshape(len(scores), -1)).reshape(len(flips), -1, width)
    # the part of the flipped axes in the other terms: all of the model, minus the axes themselves
    other_terms = np.einsum("fri,frj->fij", along_basis, along_basis) - np.einsum(
        "fri,frj->fij", along_axes, along_axes
    )
    covariance = (1 + RIDGE) * np.eye(width) - other_terms
    return quadratic_forms(sums, covariance)


def _without_rounding(scores: Float[np.ndarray, "seed axis"]) -> Float[np.ndarray, "seed axis"]:
    cleaned: np.ndarray = np.where(np.abs(scores) > NOTHING, scores, 0.0)
    return cleaned
