"""A factor with its levels, and the contrasts between them: each level against the baseline, and trends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Float

TRENDS = ("linear", "quadratic", "cubic")
DECADE = 10.0  # learning rates and the like are chosen on a log scale; a factor within a decade is nearly linear
Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class FactorLevels:
    """A factor: its path in a run, its title, the names of its levels, and which of them is the baseline.

    If `ordered`, the levels are in their order, and trends over them are estimated too. If `numeric`, the levels are
    numbers, sorted by value, and only a trend over them is estimated and tested, on the `scale` if there is one.
    """

    path: str
    title: str
    levels: tuple[str, ...]
    baseline: str
    ordered: bool = False
    numeric: bool = False
    scale: Scale | None = None

    @property
    def has_trends(self) -> bool:
        """Whether trends over its levels are estimated beside their differences."""
        return self.ordered and not self.numeric and len(self.levels) > 2  # noqa: PLR2004  # two levels have one difference

    def only(self, positions: Sequence[int]) -> "FactorLevels":
        """Return the factor with the levels at these positions; without its baseline, the first is the baseline."""
        levels = tuple(self.levels[position] for position in positions)
        first = levels[0] if levels else self.baseline
        return replace(self, levels=levels, baseline=self.baseline if self.baseline in levels else first)


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
    """Return every level minus the baseline, and the trends if there are three or more ordered levels.

    A numeric factor has one contrast: what the trend changes from its lowest to its highest value.
    """
    if factor.numeric:
        return differences(factor)
    trends = zip(TRENDS, polynomials(factor), strict=False) if factor.has_trends else ()
    return (
        *differences(factor),
        *(Contrast(factor, f"{factor.title}: {name} trend", weights, trend=name) for name, weights in trends),
    )


def differences(factor: FactorLevels) -> tuple[Contrast, ...]:
    """Return every level minus the baseline, in the order of the levels; of a numeric factor, only the last one."""
    if factor.numeric:
        return (difference(factor, factor.levels[-1]),) if len(factor.levels) > 1 else ()
    return tuple(difference(factor, level) for level in factor.levels if level != factor.baseline)


def every_difference(factor: FactorLevels) -> tuple[Contrast, ...]:
    """Return the difference of any two levels, so that no choice of the baseline matters."""
    return tuple(difference(factor, second, first) for first, second in combinations(factor.levels, 2))


def difference(factor: FactorLevels, level: str, baseline: str | None = None) -> Contrast:
    """Return a level minus the factor's baseline, or minus another level in its place."""
    before = factor.baseline if baseline is None else baseline
    weights = np.zeros(len(factor.levels))
    weights[[factor.levels.index(level), factor.levels.index(before)]] = 1.0, -1.0
    return Contrast(factor, f"{level} - {before}", weights, level, before)


def polynomials(factor: FactorLevels) -> Float[np.ndarray, "degree level"]:
    """Return the orthogonal polynomials over the levels, from degree 1, rising toward the last level.

    Levels that are all numbers are placed at their values, others at equal distances. The contrast of degree 1 is the
    difference between higher and lower levels; that of degree 2 is the difference between the middle and the ends
    (Draper & Smith 1998, Applied Regression Analysis, chapter 22; R's contr.poly except for the scale).
    """
    at = doses(factor)
    orthogonal: np.ndarray = np.linalg.qr(np.vander(at - at.mean(), increasing=True))[0].T[1:]
    orthogonal *= np.sign(orthogonal[:, np.argmax(at)])[:, np.newaxis]
    orthogonal /= np.clip(orthogonal, 0, None).sum(axis=1, keepdims=True)
    return orthogonal


def numeric_values(factor: FactorLevels) -> Float[np.ndarray, " level"]:
    """Return the values of a numeric factor, or their base-10 logarithms if it is on a log scale."""
    values = np.array([float(level) for level in factor.levels])
    return np.log10(values) if is_on_log_scale(factor) else values


def is_on_log_scale(factor: FactorLevels) -> bool:
    """Return whether a numeric factor is on a log scale.

    Unless its scale is set, it is where all values are positive and the largest is ten times the smallest or more.
    """
    if factor.scale is not None:
        return factor.scale == "log"
    values = [float(level) for level in factor.levels]
    return min(values) > 0 and max(values) / DECADE >= min(values)


def doses(factor: FactorLevels) -> Float[np.ndarray, " level"]:
    """Return the places of the levels: their values if all are different numbers, else equal distances."""
    equidistant = np.arange(len(factor.levels), dtype=float)
    try:
        values = np.array([float(level) for level in factor.levels])
    except ValueError:
        return equidistant
    return values if np.isfinite(values).all() and len(set(values)) == len(values) else equidistant
