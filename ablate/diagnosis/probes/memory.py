"""Whether the ghost lives in the cell state: take the state away, and see whether it goes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, final

import torch

from ablate.components.models.tap import CellState, Tap
from ablate.diagnosis.probes.change import LEFT_OUT, change_of, said
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.tapped import Taps, layers_of, tapped_rollout, taps_in
from ablate.storage.findings import Finding

PERIODS = (1, 2, 4)
DECAYS = (0.9, 0.5)


@final
class Memory(Probe):
    """Resets the cell state each few steps, lets it decay, or takes that of one layer away."""

    name: ClassVar[str] = "memory"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes ConvLSTM layers."""
        return bool(layers_of(subject.model))

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        changes = tuple(
            change
            for condition, taps in _conditions(list(layers_of(subject.model))).items()
            for change in change_of(subject, condition, tapped_rollout(subject, taps))
        )
        return Finding(
            probe=self.name,
            title="Does the ghost live in the cell state?",
            intervention="Throughout, the cell state was reset every few steps, decayed, or removed from one layer."
            + LEFT_OUT,
            sentences=said(changes, len(subject.clips)),
            changes=changes,
        )


@dataclass
class Reset(Tap):
    """Sets the cell state to zero before every `every`-th step that has one; the hidden state too if `both`."""

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


def _conditions(layers: list[str]) -> Mapping[str, Taps]:
    """Return what is tried, by what it is called."""
    found = {
        f"the cell state reset {'each step' if every == 1 else f'each {every} steps'}": taps_in(
            layers, partial(Reset, every)
        )
        for every in PERIODS
    }
    found["cell and hidden state reset each step"] = taps_in(layers, partial(Reset, 1, both=True))
    for factor in DECAYS:
        found[f"the cell state kept at {100 * factor:.0f} % each step"] = taps_in(layers, partial(Decay, factor))
    if len(layers) > 1:
        found |= {f"no cell state in {name}": taps_in([name], partial(Reset, 1)) for name in layers}
    return found
