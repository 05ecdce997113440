"""Tables whose cells nobody planned: restricted wild flips of whole seeds.

Each flip changes the signs of whole seeds' residuals under the hypothesis, and the full model is fitted again, so that
the scale changes with the flip (restricted wild cluster bootstrap: Cameron, Gelbach & Miller 2008,
doi:10.1162/rest.90.3.414; here jointly over hypotheses, with a scale between the pooled and the clustered one).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int8

from ablate.inference.hypotheses import Direction
from ablate.inference.step_down import surprise_f

ENUMERATED = 13  # seeds: 4,096 flips; more are drawn
POOLED_WEIGHT = 8  # degrees of freedom that the pooled residuals count for beside the hypothesis's own seeds
TINY = 1e-12  # of the scores' largest square: what rounding leaves where nothing varies


def statistics(
    directions: Sequence[Direction], signs: Int8[np.ndarray, "flip seed"]
) -> Float[np.ndarray, "hypothesis flip"]:
    """Return the statistic of every hypothesis under every flip, on the scale -log P(F > f); the first is observed.

    y* = g_b e_b with e the residuals of the model without the hypothesis; S* = q'y*, and r* the residuals of y* in the
    full model. With `seeds` n, residual sum of squares rss* and its degrees of freedom df, own* = sum |q_b' r*_b|^2 /
    sum tr(q_b' (I - P)_bb q_b): f = |S*|^2 / k / ((8 rss*/df + (n - 1) own*) / (n + 7)), with k and k (n + 7) degrees
    of freedom.
    """
    flips = signs.astype(float)
    rows = [_statistics(direction, flips) for direction in directions]
    return np.array(rows).reshape(len(directions), len(signs))


def _statistics(direction: Direction, flips: Float[np.ndarray, "flip seed"]) -> Float[np.ndarray, " flip"]:
    model, axes, scores = direction.model, direction.axes, direction.scores
    observations, basis, residual = model.observations, model.basis, direction.reduced_residual
    n, width = len(scores), direction.width
    along = flips @ observations.by_block(basis * residual[:, np.newaxis])
    total = float(residual @ residual)
    left = np.maximum(total - (along**2).sum(axis=1), 0.0)
    crossed = np.array([axes[runs].T @ basis[runs] for runs in observations.slices])
    products = np.einsum("bkr,bks->rs", crossed, crossed)
    projected = np.einsum("bk,bkr->br", scores, crossed)
    clustered = float((scores**2).sum()) - 2 * ((flips @ projected) * along).sum(axis=1)
    clustered += ((along @ products) * along).sum(axis=1)
    freedom = width - float(np.trace(products))  # sum of tr(q_b' (I - P)_bb q_b), since the axes are orthonormal
    pooled = left / max(model.freedom, 1)
    by_seed = np.maximum(clustered, 0.0) / max(freedom, TINY)
    scale = (POOLED_WEIGHT * pooled + (n - 1) * by_seed) / (n - 1 + POOLED_WEIGHT)
    squares = ((flips @ scores) ** 2).sum(axis=1) / width
    floor = TINY * max(total, float(np.finfo(float).tiny))
    ratios = np.where(squares > floor, squares / np.maximum(scale, floor), 0.0)
    return surprise_f(ratios, width, width * (n - 1 + POOLED_WEIGHT))
