"""Interventions on the cell state: reset it, let it decay, or clamp the forget gate that keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch

from ablate.components.models.tap import CellState, Tap
from ablate.core.tensors import Frame
from ablate.diagnosis.probes.metric_changes import EXCLUDED_FRAMES, change_sentences, changes_from_baseline
from ablate.diagnosis.probes.probe import Probe, Subject, Taps, layers_of, tapped_rollout, taps_in
from ablate.storage.findings import Finding, MetricChange

PERIODS = (1, 2, 4)
DECAYS = (0.9, 0.5)
UPPER_CLAMPS = (0.95, 0.8, 0.5)
LOWER_CLAMPS = (0.95, 1.0)


@final
class Memory(Probe):
    """Resets the cell state every few steps, lets it decay, or removes that of one layer."""

    name: ClassVar[str] = "memory"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs ConvLSTM layers."""
        return bool(layers_of(subject.model))

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        changes = _changes(subject, _memory_conditions(list(layers_of(subject.model))))
        return Finding(
            probe=self.name,
            title="Does the ghost live in the cell state?",
            intervention="The cell state was reset every few steps, decayed, or removed from one layer, in context "
            "and forecast." + EXCLUDED_FRAMES,
            sentences=change_sentences(changes, len(subject.clips)),
            changes=changes,
        )


@final
class ForgetGate(Probe):
    """Clamps the forget gate of every layer, in context and forecast."""

    name: ClassVar[str] = "forget_gate"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs ConvLSTM layers."""
        return bool(layers_of(subject.model))

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        changes = _changes(subject, _clamp_conditions(list(layers_of(subject.model))))
        return Finding(
            probe=self.name,
            title="Does the network forget too little?",
            intervention="The forget gate of every layer was clamped from above or below, in context and forecast."
            + EXCLUDED_FRAMES,
            sentences=change_sentences(changes, len(subject.clips)),
            changes=changes,
        )


@dataclass
class Reset(Tap):
    """Sets the cell state to zero before every `every`-th step that has one; with `both` the hidden state too."""

    every: int
    both: bool = False
    _steps: int = 0

    def before(self, state: CellState) -> CellState:
        """See Tap."""
        self._steps += 1
        if self._steps % self.every:
            return state
        hidden = torch.zeros_like(state.hidden) if self.both else state.hidden
        return CellState(hidden, torch.zeros_like(state.cell))


@dataclass
class Decay(Tap):
    """Multiplies the cell state by a factor before every step."""

    factor: float

    def before(self, state: CellState) -> CellState:
        """See Tap."""
        return replace(state, cell=self.factor * state.cell)


@dataclass(frozen=True)
class Clamp(Tap):
    """Keeps the forget gate between two values."""

    low: float
    high: float

    def forget_gate(self, gate: Frame) -> Frame:
        """See Tap."""
        return gate.clamp(self.low, self.high)


def _changes(subject: Subject, conditions: Mapping[str, Taps]) -> tuple[MetricChange, ...]:
    return tuple(
        change
        for condition, taps in conditions.items()
        for change in changes_from_baseline(subject, condition, tapped_rollout(subject, taps))
    )


def _memory_conditions(layers: list[str]) -> Mapping[str, Taps]:
    """Return the taps of every intervention on the cell state, by its description."""
    conditions = {
        f"the cell state reset {'every step' if every == 1 else f'every {every} steps'}": taps_in(
            layers, partial(Reset, every)
        )
        for every in PERIODS
    }
    conditions["cell and hidden state reset every step"] = taps_in(layers, partial(Reset, 1, both=True))
    for factor in DECAYS:
        conditions[f"{100 * factor:.0f} % of the cell state kept per step"] = taps_in(layers, partial(Decay, factor))
    if len(layers) > 1:
        conditions |= {f"no cell state in {name}": taps_in([name], partial(Reset, 1)) for name in layers}
    return conditions


def _clamp_conditions(layers: list[str]) -> Mapping[str, Taps]:
    """Return the taps of every clamp of the forget gate, by its description."""
    upper = {f"forget gates of at most {high:g}": partial(Clamp, 0.0, high) for high in UPPER_CLAMPS}
    lower = {f"forget gates of at least {low:g}": partial(Clamp, low, 1.0) for low in LOWER_CLAMPS}
    return {condition: taps_in(layers, clamp) for condition, clamp in (upper | lower).items()}
