"""Input and forget gates where digits were, are, and never were."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from ablate.components.models.convlstm import ConvLSTMNetwork
from ablate.components.models.tap import Tap
from ablate.core.arrays import Frames, FrameScores
from ablate.core.tensors import Frame
from ablate.diagnosis.probes.metric_changes import clip_means, paired_change
from ablate.diagnosis.probes.probe import Probe, Subject, layers_of, tapped
from ablate.measurement.metrics.ghost_masks import Mask, ghost_masks
from ablate.measurement.scoring.curves import mean_interval
from ablate.storage.findings import Chart, Finding, Image, Line, MetricChange, Number

BINS = 20
GATES = ("input gate", "forget gate")
PLACES = ("stale", "present", "control")
EMPTY = torch.zeros(BINS)
NEGLIGIBLE = 0.005  # difference of a gate: over ten steps a cell keeps 5 % more or less by it


@final
class Gates(Probe):
    """Records input and forget gate of every layer during the forecast, by what the true frames show at each pixel.

    A gate's value at a pixel is its mean over the channels; histograms count every channel.
    """

    name: ClassVar[str] = "gates"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs layers at the resolution of the frames that hold a state throughout the forecast."""
        return isinstance(subject.model, ConvLSTMNetwork) and subject.context > 1

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        places = _places(subject)
        records = _gate_records(subject, places)
        changes = tuple(record.change(places) for record in records)
        numbers: dict[str, Number] = {name: mean for record in records for name, mean in record.means(places).items()}
        return Finding(
            probe=self.name,
            title="What do the gates do on the digits' path?",
            intervention="Input and forget gates were recorded in the forecast, where digits were, are and never were.",
            sentences=tuple(
                _sentence(record.layer, record.gate, change) for record, change in zip(records, changes, strict=True)
            ),
            numbers=numbers,
            changes=changes,
            charts=tuple(record.chart for record in records),
            images=tuple(image for record in records for image in record.images),
        )


@dataclass
class GateRecorder(Tap):
    """Records the gates of one layer over the steps of a forecast, for the clips of one batch."""

    first: int
    """The step of a sequence that predicts the first forecast frame."""
    places: Mapping[str, Tensor]
    """Where to count, (clip, step, height, width)."""
    means: dict[str, list[Frame]] = field(default_factory=lambda: {gate: [] for gate in GATES})
    """Mean over channels, step by step."""
    counts: dict[tuple[str, str], Tensor] = field(
        default_factory=lambda: {(gate, place): torch.zeros(BINS) for gate in GATES for place in PLACES}
    )
    _step: int = -1

    def input_gate(self, gate: Frame) -> Frame:
        """See Tap. Every step calls it once, so it counts the steps."""
        self._step += 1
        self._record("input gate", gate)
        return gate

    def forget_gate(self, gate: Frame) -> Frame:
        """See Tap."""
        self._record("forget gate", gate)
        return gate

    def _record(self, name: str, gate: Frame) -> None:
        step = self._step - self.first
        if step < 0:
            return
        self.means[name].append(gate.mean(1).cpu())
        values = gate.movedim(1, -1).float().cpu()
        for place, mask in self.places.items():
            self.counts[name, place] += torch.histc(values[mask[:, step]], BINS, 0, 1)


@dataclass(frozen=True)
class GateRecord:
    """One gate of one layer over all clips: its maps, and a histogram of its values for each place."""

    layer: str
    gate: str
    maps: Frames
    """Mean over channels."""
    counts: Mapping[str, Tensor]

    def change(self, places: Mapping[str, Tensor]) -> MetricChange:
        """Return the difference of the gate between stale and control pixels, paired over clips."""
        control, stale = (_mean_at(self.maps, places[place].numpy()) for place in ("control", "stale"))
        return paired_change(f"{self.layer}: stale pixels, not control", self.gate, control, stale)

    def means(self, places: Mapping[str, Tensor]) -> dict[str, float]:
        """Return the mean over each place, all frames of a clip and all clips weighted equally; NaN without a pixel."""
        by_place = {place: clip_means(_mean_at(self.maps, mask.numpy())) for place, mask in places.items()}
        return {
            f"{self.layer} {self.gate} on {place} pixels": float(mean_interval(means)[0])
            for place, means in by_place.items()
        }

    @property
    def chart(self) -> Chart:
        """The histograms by place."""
        centers = tuple(((np.arange(BINS) + 0.5) / BINS).tolist())
        shares = {place: count / count.sum().clamp(min=1) for place, count in self.counts.items()}
        lines = tuple(Line(f"{place} pixels", centers, tuple(share.tolist())) for place, share in shares.items())
        return Chart(f"{self.gate.capitalize()} of {self.layer}", self.gate, "share of pixels and channels", lines)

    @property
    def images(self) -> tuple[Image, ...]:
        """The map of the first clip, at the first and the last step."""
        steps = dict.fromkeys((0, self.maps.shape[1] - 1))
        return tuple(
            Image(f"{self.gate}, {self.layer}, step {step + 1}", _rows(self.maps[0, step]), 0.0, 1.0) for step in steps
        )


@torch.no_grad()
def _gate_records(subject: Subject, places: Mapping[str, Tensor]) -> list[GateRecord]:
    """Record the gates during a rollout, batch by batch, and join the batches."""
    batches: list[dict[str, GateRecorder]] = []
    for first in range(0, len(subject.clips), subject.batch):
        rows = slice(first, first + subject.batch)
        masks = {place: mask[rows] for place, mask in places.items()}
        batches.append({name: GateRecorder(subject.context - 1, masks) for name in layers_of(subject.model)})
        with tapped(subject.model, batches[-1]):
            subject.model.forecast(subject.clips[rows, : subject.context], subject.horizon)
    return [
        GateRecord(
            layer=layer,
            gate=gate,
            maps=torch.cat([torch.stack(batch[layer].means[gate], 1) for batch in batches]).numpy(),
            counts={place: sum((batch[layer].counts[gate, place] for batch in batches), EMPTY) for place in PLACES},
        )
        for layer in layers_of(subject.model)
        for gate in GATES
    ]


def _places(subject: Subject) -> dict[str, Tensor]:
    masks = ghost_masks(subject.target, subject.history)
    by_place = {"stale": masks.stale, "present": masks.present, "control": masks.control}
    return {place: torch.from_numpy(mask) for place, mask in by_place.items()}


def _mean_at(maps: Frames, mask: Mask) -> FrameScores:
    """Return the mean over some pixels of each frame; NaN where there are none."""
    count = mask.sum((2, 3))
    total = np.where(mask, maps, 0).sum((2, 3), dtype=np.float64)
    means: FrameScores = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return means


def _rows(image: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in image.astype(float).round(3).tolist())


def _sentence(layer: str, gate: str, change: MetricChange) -> str:
    ends = f"{change.after:.3f} on stale pixels, {change.before:.3f} on control pixels"
    interval = f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}], n = {change.clips} clips"
    if max(abs(change.low), abs(change.high)) < NEGLIGIBLE:
        return f"The {gate} of {layer} is the same where digits were, within {NEGLIGIBLE:g}: {ends}."
    if change.low > 0:
        return f"The {gate} of {layer} is higher where digits were: {ends} ({interval})."
    if change.high < 0:
        return f"The {gate} of {layer} is lower where digits were: {ends} ({interval})."
    return f"The {gate} of {layer} shows no difference where digits were: {ends} ({interval})."
