"""Whether the forget gate makes the ghost: hold it down, so that the cell must forget, or up, so that it may not."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

from ablate.components.models.tap import Tap
from ablate.core.tensors import Frame
from ablate.diagnosis.probes.change import LEFT_OUT, change_of, said
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.tapped import layers_of, tapped_rollout, taps_in
from ablate.storage.findings import Finding

HIGHEST = (0.95, 0.8, 0.5)
LOWEST = (0.95, 1.0)


@final
class ForgetGate(Probe):
    """Clamps the forget gate of every layer, through context and forecast."""

    name: ClassVar[str] = "forget_gate"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes ConvLSTM layers."""
        return bool(layers_of(subject.model))

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        layers = list(layers_of(subject.model))
        clamps = {f"forget gates of at most {high:g}": partial(Clamp, 0.0, high) for high in HIGHEST}
        clamps |= {f"forget gates of at least {low:g}": partial(Clamp, low, 1.0) for low in LOWEST}
        changes = [
            change
            for condition, clamp in clamps.items()
            for change in change_of(subject, condition, tapped_rollout(subject, taps_in(layers, clamp)))
        ]
        return Finding(
            probe=self.name,
            title="Does it forget too little?",
            intervention="The forget gate of every layer was held below or above a value, through context and forecast."
            + LEFT_OUT,
            sentences=said(changes, len(subject.clips)),
            changes=tuple(changes),
        )


@dataclass(frozen=True)
class Clamp(Tap):
    """Keeps the forget gate between two values."""

    low: float
    high: float

    def forget_gate(self, gate: Frame) -> Frame:
        """See Tap."""
        return gate.clamp(self.low, self.high)
