"""Responses whose squares a computer cannot hold, and responses whose differences vanish beside their size.

Squares of 1e300 are infinite, squares of 1e-300 are 0, and a sum of squares loses differences of 1 beside 1e15. Such
responses are shifted and scaled for the inference, and its numbers are given back in the response's unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ablate.inference.contexts import ContextCheck
from ablate.inference.inference import Effect, FactorVerdict, Inference, Interaction, Mediation, SimpleEffect
from ablate.inference.lost_runs import Bounds
from ablate.inference.run_table import RunTable
from ablate.inference.settings import InferenceSettings

SMALLEST, LARGEST = 1e-100, 1e100  # fourth powers of numbers between them are finite and not 0
CLOSE = 1e-8  # of the responses: sums of squares keep the differences of numbers that are further apart


@dataclass(frozen=True)
class Moderation:
    """The responses minus `shift`, divided by `scale`; (0, 1) for responses of a moderate size."""

    shift: float
    scale: float

    @classmethod
    def of(cls, table: RunTable) -> "Moderation":
        """Return the moderation that the responses of a table need."""
        values = table.response[table.defined]
        if not len(values):
            return cls(0.0, 1.0)
        size = float(np.abs(values).max())
        middle = 2 * float(np.median(values / 2))  # the sum of two finite numbers may be infinite
        half_range = float(np.abs(values / 2 - middle / 2).max())
        shift = middle if half_range < CLOSE * size else 0.0
        largest = 2 * half_range if shift else size
        if largest == 0 or SMALLEST <= largest <= LARGEST:
            return cls(shift, 1.0)
        return cls(shift, float(2.0 ** (np.frexp(largest)[1] - 1)))  # a power of two loses no digit

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return (self.shift, self.scale) != (0.0, 1.0)

    def table(self, table: RunTable) -> RunTable:
        """Return the table with moderate responses."""
        return replace(table, response=(table.response - self.shift) / self.scale)

    def settings(self, settings: InferenceSettings) -> InferenceSettings:
        """Return settings whose margin and bounds are those of moderate responses."""
        changes = {
            "margin": None if settings.margin is None else settings.margin / self.scale,
            "bounds": None
            if settings.bounds is None
            else tuple((bound - self.shift) / self.scale for bound in settings.bounds),
        }
        return settings.model_copy(update=changes)

    def restore(self, inference: Inference, settings: InferenceSettings) -> Inference:
        """Return the inference on moderate responses in the unit of the response, with its settings."""
        return replace(
            inference,
            settings=settings,
            verdicts=tuple(self._verdict(verdict) for verdict in inference.verdicts),
            interactions=tuple(self._interaction(pair) for pair in inference.interactions),
            mediation=tuple(self._mediation(mediation) for mediation in inference.mediation),
        )

    def _times(self, value: float | None) -> float | None:
        return None if value is None else value * self.scale

    def _verdict(self, verdict: FactorVerdict) -> FactorVerdict:
        check = verdict.context_check
        return replace(
            verdict,
            effects=tuple(self._effect(effect) for effect in verdict.effects),
            bounds=tuple(self._bounds(bounds) for bounds in verdict.bounds),
            context_check=None if check is None else self._check(check),
        )

    def _check(self, check: ContextCheck) -> ContextCheck:
        return replace(check, shift=self._times(check.shift))

    def _effect(self, effect: Effect) -> Effect:
        return replace(
            effect,
            estimate=effect.estimate * self.scale,
            low=self._times(effect.low),
            high=self._times(effect.high),
            by_block=tuple(estimate * self.scale for estimate in effect.by_block),
        )

    def _bounds(self, bounds: Bounds) -> Bounds:
        return replace(
            bounds,
            lower=bounds.lower * self.scale,
            upper=bounds.upper * self.scale,
            low=bounds.low * self.scale,
            high=bounds.high * self.scale,
        )

    def _interaction(self, pair: Interaction) -> Interaction:
        return replace(
            pair,
            means=tuple(tuple(mean * self.scale + self.shift for mean in row) for row in pair.means),
            simple_effects=tuple(self._simple(effect) for effect in pair.simple_effects),
        )

    def _simple(self, effect: SimpleEffect) -> SimpleEffect:
        return replace(
            effect,
            estimate=effect.estimate * self.scale,
            low=self._times(effect.low),
            high=self._times(effect.high),
        )

    def _mediation(self, mediation: Mediation) -> Mediation:
        return replace(
            mediation,
            total=mediation.total * self.scale,
            direct=mediation.direct * self.scale,
            low=self._times(mediation.low),
            high=self._times(mediation.high),
            mediated=mediation.mediated * self.scale,
        )


def moderated(
    table: RunTable, settings: InferenceSettings, infer: Callable[[RunTable, InferenceSettings], Inference]
) -> Inference:
    """Return what `infer` finds, where the responses need it on moderate ones."""
    moderation = Moderation.of(table)
    if not moderation.is_needed:
        return infer(table, settings)
    return moderation.restore(infer(moderation.table(table), moderation.settings(settings)), settings)
