"""The contrasts of a factor: each level against the baseline, and trends over ordered levels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ablate.inference.factor_levels import FactorLevels

TRENDS = ("linear", "quadratic", "cubic")


@dataclass(frozen=True, eq=False)
class Contrast:
    """A weighted sum of a factor's levels; the positive weights add up to 1, the negative ones to -1."""

    factor: FactorLevels
    name: str
    weights: Float[np.ndarray, " level"]
    level: str | None = None
    baseline: str | None = None
    trend: str | None = None

    @property
    def levels(self) -> list[int]:
        """The positions of the levels that have a weight."""
        return [int(position) for position in np.flatnonzero(self.weights)]


def contrasts(factor: FactorLevels) -> tuple[Contrast, ...]:
    """Return every level minus the baseline, and the trends where there are three or more ordered levels."""
    differences = [difference(factor, level) for level in factor.levels if level != factor.baseline]
    trends = zip(TRENDS, polynomials(factor), strict=False) if factor.ordered and len(factor.levels) > 2 else ()  # noqa: PLR2004  # two levels have their difference alone
    return (
        *differences,
        *(Contrast(factor, f"{factor.title}: {name} trend", weights, trend=name) for name, weights in trends),
    )


def difference(factor: FactorLevels, level: str) -> Contrast:
    """Return a level minus the baseline."""
    weights = np.zeros(len(factor.levels))
    weights[[factor.levels.index(level), factor.levels.index(factor.baseline)]] = 1.0, -1.0
    return Contrast(factor, f"{level} - {factor.baseline}", weights, level, factor.baseline)


def polynomials(factor: FactorLevels) -> Float[np.ndarray, "degree level"]:
    """Return the orthogonal polynomials over the levels, from degree 1, rising toward the last level.

    Levels that are all numbers stand at their values, others at equal distances. The contrast of degree 1 is the
    change from the lower to the higher levels, that of degree 2 how far the middle lies off the ends
    (Draper & Smith 1998, Applied Regression Analysis, chapter 22; R's contr.poly but for the scale).
    """
    at = doses(factor)
    orthogonal: np.ndarray = np.linalg.qr(np.vander(at - at.mean(), increasing=True))[0].T[1:]
    orthogonal *= np.sign(orthogonal[:, np.argmax(at)])[:, np.newaxis]
    orthogonal /= np.clip(orthogonal, 0, None).sum(axis=1, keepdims=True)
    return orthogonal


def doses(factor: FactorLevels) -> Float[np.ndarray, " level"]:
    """Return where levels stand: at their values where all are different numbers, else at equal distances."""
    apart = np.arange(len(factor.levels), dtype=float)
    try:
        found = np.array([float(level) for level in factor.levels])
    except ValueError:
        return apart
    return found if np.isfinite(found).all() and len(set(found)) == len(found) else apart
