"""Power as a distribution: the size from which on each of many simulated studies finds an effect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from ablate.planning.planned_effects import PlannedEffects

TARGET_POWER = 0.8  # Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, section 2.4
QUANTILES = 1_000  # of the thresholds that are compared between numbers of seeds


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """The sizes of an effect from which on simulated studies find it; infinite where no size is found.

    Each study draws its noise once, and the effect is added to it. So power never falls as the effect grows.
    """

    thresholds: Float[np.ndarray, " study"]

    def power(self, effect: float) -> float:
        """Return the share of studies, in [0, 1], that find an effect of this size."""
        return float((self.thresholds <= effect).mean()) if len(self.thresholds) else 0.0

    def minimum_detectable_effect(self, power: float = TARGET_POWER) -> float | None:
        """Return the smallest effect that this share of studies finds; None if no effect has such power."""
        if not len(self.thresholds):
            return None
        smallest = float(np.sort(self.thresholds)[int(np.ceil(power * len(self.thresholds))) - 1])
        return smallest if np.isfinite(smallest) else None


NO_POWER = PowerCurve(np.empty(0))


def shared_curves(effects: PlannedEffects, seed_sd: float, curve: Callable[[int], PowerCurve]) -> list[PowerCurve]:
    """Return the curve of the effect at each place; effects with equal power share one."""
    curves: dict[tuple[object, ...], PowerCurve] = {}
    alike = [effects.relations(place, seed_sd) for place in range(len(effects.effects))]
    for place, relations in enumerate(alike):
        if relations not in curves:
            curves[relations] = curve(place)
    return [curves[relations] for relations in alike]


def never_falling(curves: Sequence[PowerCurve]) -> list[PowerCurve]:
    """Return the curves of one effect, in the order of the number of seeds, so that no added seed lowers the power.

    The power of the test does not fall; simulated powers of neighboring numbers cross by a percentage point at times.
    There, every quantile of the thresholds is the middle of the smallest before and the largest after it.
    """
    quantiles = np.array([_quantiles(curve) for curve in curves]).reshape(len(curves), QUANTILES)
    before = np.minimum.accumulate(quantiles, axis=0)
    after = np.maximum.accumulate(quantiles[::-1], axis=0)[::-1]
    return [PowerCurve(middle) for middle in (before + after) / 2]


def _quantiles(curve: PowerCurve) -> Float[np.ndarray, " quantile"]:
    """Return the thresholds at even steps of probability; all are infinite without power."""
    if not len(curve.thresholds):
        return np.full(QUANTILES, np.inf)
    places = ((np.arange(QUANTILES) + 0.5) / QUANTILES * len(curve.thresholds)).astype(int)
    quantiles: np.ndarray = np.sort(curve.thresholds)[places]
    return quantiles


def with_even_quantiles(
    noise: Float[np.ndarray, "study seed dimension"], along: Float[np.ndarray, " dimension"]
) -> Float[np.ndarray, "study seed dimension"]:
    """Return standard normal noise whose means over seeds, along a direction of length 1, are normal quantiles.

    The quantiles are at even steps of probability, in the order of the drawn means. Most of the difference between two
    draws of all studies is in these means, so a power from fewer studies is as precise.
    """
    means = noise.mean(axis=1) @ along
    rank = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    quantiles = ndtri((rank + 0.5) / len(means)) / np.sqrt(noise.shape[1])
    moved: np.ndarray = noise + (quantiles - means)[:, np.newaxis, np.newaxis] * along
    return moved
