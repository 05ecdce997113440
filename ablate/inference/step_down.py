"""Joint sign flips, and step-down maximum p-values over a family (Westfall & Young 1993, algorithm 2.8)."""

from functools import cache

import numpy as np
from jaxtyping import Float, Int8
from scipy.special import chdtrc, fdtrc, log_ndtr

from ablate.core.seeds import derive

SLACK = 1e-9  # a flip reaches the observed statistic if only rounding separates them
SMALLEST_P = 1e-300  # a smaller tail probability underflows to 0, and its logarithm is infinite


def flip_signs(
    n: int, most_enumerated: int, draws: int, seed: int, size: int | None = None
) -> Int8[np.ndarray, "flip n"]:
    """Return joint sign flips of n units; the first keeps every sign, and no flip changes the first unit's sign.

    Up to `most_enumerated` units these are all 2^(n-1) distinct flips. Flip i of n units then extends flip
    i mod 2^(n-2) of n - 1 units. Of more units, `draws` random flips follow the first. The signs of a unit depend on
    its position and the seed alone, so the flips of fewer units are a prefix. `size` is the largest number of units of
    a sequence; it decides whether flips are drawn.
    """
    if (size or n) <= most_enumerated:
        return _every_flip(n)
    return _drawn_flips(n, draws, seed)


@cache
def _every_flip(n: int) -> Int8[np.ndarray, "flip n"]:
    index = np.arange(2 ** max(n - 1, 0))[:, np.newaxis]
    flipped = (index >> np.arange(n - 1)) & 1 if n > 1 else np.empty((1, 0), int)
    return np.column_stack([np.ones(len(index), np.int8), (1 - 2 * flipped).astype(np.int8)])


def _drawn_flips(n: int, draws: int, seed: int) -> Int8[np.ndarray, "flip n"]:
    signs = np.ones((draws + 1, n), np.int8)
    for unit in range(1, n):
        generator = np.random.default_rng([derive(seed, "sign_flips"), unit])
        signs[1:, unit] = 1 - 2 * generator.integers(0, 2, draws, dtype=np.int8)
    return signs


def surprise_chi2(squares: Float[np.ndarray, " flip"], freedom: int) -> Float[np.ndarray, " flip"]:
    """Return -log P(chi2 > squares): tests with different degrees of freedom then have one scale."""
    if freedom == 1:
        surprise: np.ndarray = -(np.log(2) + log_ndtr(-np.sqrt(squares)))
        return surprise
    if freedom == 2:  # noqa: PLR2004  # the tail is exactly exponential
        halves: np.ndarray = squares / 2
        return halves
    tail: np.ndarray = -np.log(np.maximum(chdtrc(freedom, squares), SMALLEST_P))
    return tail


def surprise_f(ratios: Float[np.ndarray, " flip"], numerator: float, denominator: float) -> Float[np.ndarray, " flip"]:
    """Return -log P(F > ratios)."""
    tail: np.ndarray = -np.log(np.maximum(fdtrc(numerator, denominator, np.maximum(ratios, 0)), SMALLEST_P))
    return tail


def quadratic_forms(
    vectors: Float[np.ndarray, "flip axis"], matrices: Float[np.ndarray, "flip axis axis"]
) -> Float[np.ndarray, " flip"]:
    """Return v' M^-1 v of every flip."""
    if vectors.shape[1] == 1:  # a solve of each matrix takes a hundred times longer
        ratios: np.ndarray = vectors[:, 0] ** 2 / matrices[:, 0, 0]
        return ratios
    forms: np.ndarray = (vectors * np.linalg.solve(matrices, vectors[:, :, np.newaxis])[:, :, 0]).sum(axis=1)
    return forms


def single_p(
    statistics: Float[np.ndarray, "hypothesis flip"], observed: Float[np.ndarray, " hypothesis"], *, includes: bool
) -> Float[np.ndarray, " hypothesis"]:
    """Return each hypothesis's p-value, in (0, 1], among its flips. `includes` says that these hold the observed."""
    reached = (statistics >= observed[:, np.newaxis] - SLACK).sum(axis=1)
    p: np.ndarray = _p(reached, statistics.shape[1], includes=includes)
    return p


def step_down_p(
    statistics: Float[np.ndarray, "hypothesis flip"], observed: Float[np.ndarray, " hypothesis"], *, includes: bool
) -> Float[np.ndarray, " hypothesis"]:
    """Return the adjusted p-values, in (0, 1], that hold the family-wise error rate over all hypotheses.

    The largest observed statistic is compared with each flip's maximum over all hypotheses, the next with the maximum
    over the others, and so on; no p-value is below the one before it.
    """
    order = np.argsort(-observed, kind="stable")
    # maxima over the hypotheses from each position of the order to its end
    maxima = np.maximum.accumulate(statistics[order[::-1]], axis=0)[::-1]
    reached = (maxima >= observed[order][:, np.newaxis] - SLACK).sum(axis=1)
    adjusted = np.empty(len(observed))
    adjusted[order] = np.maximum.accumulate(_p(reached, statistics.shape[1], includes=includes))
    return adjusted


def _p(reached: np.ndarray, flips: int, *, includes: bool) -> np.ndarray:
    p: np.ndarray = reached / flips if includes else (1 + reached) / (1 + flips)
    return p
