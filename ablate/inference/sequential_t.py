"""Critical values of Student's t at every look of a sequential study, with alpha spent linearly over the looks.

They are integrated, not simulated: at seed n the mean over the root mean square is the cosine u of the angle between
the seeds' values and the direction of equal values. Without an effect, u of n + 1 seeds depends on u of n seeds and on
one independent number, so one distribution over the angle is carried from look to look.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy import stats

from ablate.inference.sequential import linear_shares
from ablate.inference.settings import Looks

ANGLES = 2_000  # places of the distribution; the critical values then have an error below 0.001
STEPS = 400  # places of the next seed's value


@lru_cache(maxsize=256)
def critical_values(looks: Looks, alpha: float, until: int, *, two_sided: bool = False) -> tuple[float, ...]:
    """Return the critical value of t, with n - 1 degrees of freedom, at each look up to that with `until` seeds.

    The chance that t without an effect is above it (two-sided: |t| above it) at this or an earlier look is alpha x n /
    last for n seeds.
    """
    shares = np.array(linear_shares(looks.first, until, looks.last))
    tails = alpha * shares / (2 if two_sided else 1)
    edges = np.linspace(-np.pi / 2, np.pi / 2, ANGLES + 1)
    mass = np.diff(stats.t.cdf(_as_t(np.sin(edges), looks.first), looks.first - 1))
    values, crossed = [], 0.0
    for n, tail in enumerate(tails, start=looks.first):
        if n > looks.first:
            mass = _next_mass(mass, edges, n - 1)
        angle = _upper_quantile(mass, edges, tail - crossed)
        values.append(float(_as_t(np.sin(np.array([angle])), n)[0]))
        mass = _below(mass, edges, angle)
        if two_sided:
            mass = _below(mass[::-1], edges, angle)[::-1]
        crossed = tail
    return tuple(values)


def nominal_level(looks: Looks, alpha: float, n: int, *, two_sided: bool = False) -> float:
    """Return the largest p-value of a t test that counts as significant at the look with n seeds.

    One-sided, it is the level of each of the two tests by which a factor is cleared. Two-sided, 1 minus it is the
    confidence of the repeated interval (Jennison & Turnbull 1989, JRSS B 51), which holds at all looks together.
    Before the first look it is 0; beyond the last it is that of the last.
    """
    if n < looks.first:
        return 0.0
    n = min(n, looks.last)
    tail = float(stats.t.sf(critical_values(looks, alpha, n, two_sided=two_sided)[-1], n - 1))
    return 2 * tail if two_sided else tail


def _as_t(cosine: Float[np.ndarray, " angle"], n: int) -> Float[np.ndarray, " angle"]:
    """Return t of n values from the cosine of their angle to equal values."""
    with np.errstate(divide="ignore"):
        t: np.ndarray = cosine * np.sqrt((n - 1) / np.maximum(1 - cosine**2, 0))
    return t


def _next_mass(mass: Float[np.ndarray, " angle"], edges: Float[np.ndarray, " edge"], n: int) -> np.ndarray:
    """Return the distribution of the angle with n + 1 seeds from that with n seeds."""
    angle = (edges[:-1] + edges[1:]) / 2
    # the next value over the root of the sum of squares is tan(step), with a density of cos(step)^(n - 1)
    step = (np.arange(STEPS) + 0.5) / STEPS * np.pi - np.pi / 2
    weight = np.cos(step) ** (n - 1)
    weight /= weight.sum()
    cosine = (np.sqrt(n) * np.sin(angle)[:, np.newaxis] * np.cos(step) + np.sin(step)) / np.sqrt(n + 1)
    place = (np.arcsin(np.clip(cosine, -1, 1)) - angle[0]) / (angle[1] - angle[0])
    left = np.clip(np.floor(place).astype(int), 0, ANGLES - 2)
    right_part = np.clip(place - left, 0, 1)
    moved = mass[:, np.newaxis] * weight
    return np.bincount(left.ravel(), (moved * (1 - right_part)).ravel(), ANGLES) + np.bincount(
        left.ravel() + 1, (moved * right_part).ravel(), ANGLES
    )


def _upper_quantile(mass: Float[np.ndarray, " angle"], edges: Float[np.ndarray, " edge"], tail: float) -> float:
    """Return the angle above which this mass lies."""
    above = np.concatenate([[0.0], np.cumsum(mass[::-1])])
    return float(np.interp(tail, above, edges[::-1]))


def _below(mass: Float[np.ndarray, " angle"], edges: Float[np.ndarray, " edge"], angle: float) -> np.ndarray:
    """Return the mass below an angle."""
    share = np.clip((angle - edges[:-1]) / np.diff(edges), 0, 1)
    below: np.ndarray = mass * share
    return below
