"""What the gates do where digits were, are, and never were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from ablate.components.models.convlstm import ConvLSTMNetwork
from ablate.components.models.tap import Tap
from ablate.core.arrays import Frames, FrameScores
from ablate.core.tensors import Frame
from ablate.diagnosis.probes.change import by_clip, paired
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.tapped import layers_of, tapped
from ablate.measurement.metrics.ghost_masks import Mask, ghost_masks
from ablate.measurement.scoring.curves import mean_interval
from ablate.storage.findings import Chart, Finding, Image, Line, MetricChange, Number

BINS = 20
GATES = ("input gate", "forget gate")
PLACES = ("stale", "present", "control")
NONE = torch.zeros(BINS)
SMALL = 0.005
"""Difference of a gate that is not worth a word: over ten steps a cell keeps 5 % more or less by it."""


@final
class Gates(Probe):
    """Watches input and forget gate of every layer while it forecasts, by what the true frames show at each pixel.

    A gate's value at a pixel is its mean over the channels; histograms count every channel.
    """

    name: ClassVar[str] = "gates"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: its layers must see frames pixel by pixel, and hold a state throughout the forecast."""
        return isinstance(subject.model, ConvLSTMNetwork) and subject.context > 1

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        places = _places(subject)
        watched = _watched(subject, places)
        changes = tuple(one.change(places) for one in watched)
        numbers: dict[str, Number] = {name: mean for one in watched for name, mean in one.means(places).items()}
        return Finding(
            probe=self.name,
            title="What do the gates do on the digits' path?",
            intervention="Input and forget gates were recorded in the forecast, where digits were, are and never were.",
            sentences=tuple(_sentences(changes)),
            numbers=numbers,
            changes=changes,
            charts=tuple(one.chart for one in watched),
            images=tuple(image for one in watched for image in one.images),
        )


@dataclass
class Watch(Tap):
    """Takes down the gates of one layer over the steps of a forecast, for the clips of one batch."""

    first: int
    """The step of a sequence that guesses the first forecast frame."""
    places: Mapping[str, Tensor]
    """Where to count, (clip, step, height, width)."""
    means: dict[str, list[Frame]] = field(default_factory=lambda: {gate: [] for gate in GATES})
    """Mean over channels, step by step."""
    counts: dict[tuple[str, str], Tensor] = field(
        default_factory=lambda: {(gate, place): torch.zeros(BINS) for gate in GATES for place in PLACES}
    )
    _step: int = -1

    def input_gate(self, gate: Frame) -> Frame:
        """See Tap. Every step asks it, so it counts them."""
        self._step += 1
        self._take("input gate", gate)
        return gate

    def forget_gate(self, gate: Frame) -> Frame:
        """See Tap."""
        self._take("forget gate", gate)
        return gate

    def _take(self, name: str, gate: Frame) -> None:
        step = self._step - self.first
        if step < 0:
            return
        self.means[name].append(gate.mean(1).cpu())
        values = gate.movedim(1, -1).float().cpu()
        for place, mask in self.places.items():
            self.counts[name, place] += torch.histc(values[mask[:, step]], BINS, 0, 1)


@dataclass(frozen=True)
class Watched:
    """One gate of one layer over all clips: its maps, and how often it had which value at which place."""

    layer: str
    gate: str
    maps: Frames
    """Mean over channels."""
    counts: Mapping[str, Tensor]

    def change(self, places: Mapping[str, Tensor]) -> MetricChange:
        """Return what stale pixels have more than control pixels, paired over clips."""
        control, stale = (_mean_at(self.maps, places[place].numpy()) for place in ("control", "stale"))
        return paired(f"{self.layer}: stale pixels, not control", self.gate, control, stale)

    def means(self, places: Mapping[str, Tensor]) -> dict[str, float]:
        """Return its mean over each place, frames and then clips weighing alike; NaN where it has no pixel."""
        by_place = {place: by_clip(_mean_at(self.maps, mask.numpy())) for place, mask in places.items()}
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
def _watched(subject: Subject, places: Mapping[str, Tensor]) -> list[Watched]:
    """Roll out under watch, batch by batch, and put the batches together."""
    batches: list[dict[str, Watch]] = []
    for first in range(0, len(subject.clips), subject.batch):
        at = slice(first, first + subject.batch)
        here = {place: mask[at] for place, mask in places.items()}
        batches.append({name: Watch(subject.context - 1, here) for name in layers_of(subject.model)})
        with tapped(subject.model, batches[-1]):
            subject.model.forecast(subject.clips[at, : subject.context], subject.horizon)
    return [
        Watched(
            layer=layer,
            gate=gate,
            maps=torch.cat([torch.stack(batch[layer].means[gate], 1) for batch in batches]).numpy(),
            counts={place: sum((batch[layer].counts[gate, place] for batch in batches), NONE) for place in PLACES},
        )
        for layer in layers_of(subject.model)
        for gate in GATES
    ]


def _places(subject: Subject) -> dict[str, Tensor]:
    masks = ghost_masks(subject.target, subject.history)
    return {place: torch.from_numpy(getattr(masks, place)) for place in PLACES}


def _mean_at(maps: Frames, mask: Mask) -> FrameScores:
    """Return the mean over some pixels of each frame; NaN where there are none."""
    count = mask.sum((2, 3))
    total = np.where(mask, maps, 0).sum((2, 3), dtype=np.float64)
    means: FrameScores = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return means


def _rows(image: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in image.astype(float).round(3).tolist())


def _sentences(changes: Sequence[MetricChange]) -> Iterator[str]:
    for change in changes:
        layer = change.condition.partition(":")[0]
        ends = f"{change.after:.3f} on stale pixels, {change.before:.3f} on control pixels"
        spread = f"{change.difference:+.3f} [{change.low:+.3f}, {change.high:+.3f}] over {change.clips} clips"
        if max(abs(change.low), abs(change.high)) < SMALL:
            yield f"The {change.metric} of {layer} is the same where digits were, within {SMALL:g}: {ends}."
        elif change.low > 0:
            yield f"The {change.metric} of {layer} is higher where digits were: {ends} ({spread})."
        elif change.high < 0:
            yield f"The {change.metric} of {layer} is lower where digits were: {ends} ({spread})."
        else:
            yield f"The {change.metric} of {layer} does not tell where digits were: {ends} ({spread})."
