"""Confidence intervals whose unit is that of the test: whole seeds, or single runs where no seed is shared.

CR2 with Satterthwaite degrees of freedom (Bell & McCaffrey 2002, Survey Methodology 28; Pustejovsky & Tipton 2018,
doi:10.1080/07350015.2016.1247004). With each run a cluster it is HC2. R's clubSandwich computes the same numbers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr, stdtrit

from ablate.inference.linear_model import LinearModel

FEWEST_FREEDOM = 3.0  # degrees of freedom; with fewer, Satterthwaite's approximation is not trusted (clubSandwich: 4)
ROUNDING = 1e-6  # of degrees of freedom: four seeds of a complete table have three, up to rounding
DETERMINED = 1e-10  # of 1 - leverage: the runs of a cluster alone determine this direction, and show no error of it


@dataclass(frozen=True)
class RobustEstimate:
    """An estimated contrast in the response's unit, its standard error, and its degrees of freedom (0: no error)."""

    value: float
    error: float
    freedom: float

    @property
    def has_interval(self) -> bool:
        """Whether the degrees of freedom are enough for a confidence interval."""
        return self.freedom >= FEWEST_FREEDOM - ROUNDING

    def interval(self, confidence: float) -> tuple[float, float] | None:
        """Return the bounds of a confidence interval; None with too few degrees of freedom."""
        if not self.has_interval:
            return None
        reach = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.value - reach, self.value + reach

    @property
    def p(self) -> float | None:
        """The two-sided p-value, in (0, 1], of Student's t test of 0; None with too few degrees of freedom."""
        if not self.has_interval:
            return None
        if self.error == 0:
            return 1.0 if self.value == 0 else float(np.finfo(float).tiny)
        return float(max(2 * stdtr(self.freedom, -abs(self.value) / self.error), np.finfo(float).tiny))


class Robust:
    """The robust estimates of a model's contrasts; what they share is computed once."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model
        observations, basis = model.observations, model.basis
        self._leverage = (basis**2).sum(axis=1)
        self._clusters = [_adjustment(basis[runs]) for runs in observations.slices] if observations.has_blocks else []

    def estimate(self, contrast: Float[np.ndarray, " parameter"]) -> RobustEstimate:
        """Return the estimate of an estimable contrast."""
        model = self._model
        observations = model.observations
        direction = model.directions(contrast[np.newaxis])[:, 0]
        value = float(direction @ observations.response) * observations.scale
        adjusted = self._adjusted(direction)
        scores = observations.by_block(adjusted * model.residual)
        along = observations.by_block(adjusted[:, np.newaxis] * model.basis)
        size = observations.by_block(adjusted**2)
        cross = along.T @ along
        trace = float(size.sum() - np.trace(cross))
        # the squared norm of diag(size) - along along'
        norm = float((size**2).sum() - 2 * (size * (along**2).sum(axis=1)).sum() + (cross**2).sum())
        if trace <= DETERMINED * float(size.sum()) or norm <= 0:
            return RobustEstimate(value, 0.0, 0.0)
        return RobustEstimate(value, float(np.sqrt((scores**2).sum())) * observations.scale, trace**2 / norm)

    def _adjusted(self, direction: Float[np.ndarray, " run"]) -> Float[np.ndarray, " run"]:
        """Return (I - H_b)^(-1/2) times the weights of each cluster b, with H_b its part of the hat matrix."""
        observations = self._model.observations
        if not observations.has_blocks:
            left = 1 - self._leverage
            determined = left <= DETERMINED
            adjusted: np.ndarray = np.where(determined, 0.0, direction / np.sqrt(np.where(determined, 1.0, left)))
            return adjusted
        adjusted = direction.copy()
        for runs, (axes, factor) in zip(observations.slices, self._clusters, strict=True):
            adjusted[runs] += axes @ (factor * (axes.T @ direction[runs]))
        return adjusted


def _adjustment(
    basis: Float[np.ndarray, "run rank"],
) -> tuple[Float[np.ndarray, "run axis"], Float[np.ndarray, " axis"]]:
    """Return the axes of a cluster's hat matrix, and what the inverse square root of I - H adds along each to 1."""
    axes, sizes, _ = np.linalg.svd(basis, full_matrices=False)
    left = 1 - sizes**2
    determined = left <= DETERMINED
    return axes, np.where(determined, -1.0, 1 / np.sqrt(np.where(determined, 1.0, left)) - 1)
