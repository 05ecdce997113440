"""The size of the cell state over context and forecast, layer by layer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float

from ablate.components.models.tap import CellState, Tap
from ablate.diagnosis.probes.metric_changes import paired_change
from ablate.diagnosis.probes.probe import Probe, Subject, layers_of, tapped
from ablate.storage.findings import Chart, Finding, Line, MetricChange, Number

Sizes = Float[np.ndarray, "clip step"]


@final
class CellGrowth(Probe):
    """Measures the cell state of every layer, step by step, through context and forecast."""

    name: ClassVar[str] = "cell_growth"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs ConvLSTM layers."""
        return bool(layers_of(subject.model))

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        layers = _cell_sizes(subject)
        changes = {layer: _change(layer, sizes.mean, subject.context) for layer, sizes in layers.items()}
        return Finding(
            probe=self.name,
            title="Does the cell state only grow?",
            intervention="The size of the cell state was recorded at every step, in every layer.",
            sentences=tuple(_sentence(layer, change, layers[layer].negative) for layer, change in changes.items()),
            numbers=_numbers(layers, changes, subject.context),
            changes=tuple(changes.values()),
            charts=(
                _chart(
                    "Size of the cell state over context and forecast",
                    "mean absolute cell state",
                    {layer: sizes.mean.mean(0) for layer, sizes in layers.items()},
                ),
                _chart(
                    "Largest value of the cell state over context and forecast",
                    "largest absolute cell state",
                    {layer: sizes.largest.max(0) for layer, sizes in layers.items()},
                ),
            ),
        )


@dataclass
class SizeRecorder(Tap):
    """Records the cell state after every step, per clip: mean and largest absolute value, share of negative values."""

    mean: list[torch.Tensor] = field(default_factory=list)
    largest: list[torch.Tensor] = field(default_factory=list)
    negative: list[torch.Tensor] = field(default_factory=list)

    def after(self, state: CellState) -> CellState:
        """See Tap."""
        size = state.cell.abs()
        self.mean.append(size.mean((1, 2, 3)).cpu())
        self.largest.append(size.amax((1, 2, 3)).cpu())
        self.negative.append((state.cell < 0).float().mean((1, 2, 3)).cpu())
        return state


@dataclass(frozen=True)
class CellSizes:
    """The size of the cell state of one layer, over all clips."""

    mean: Sizes
    """Mean absolute value."""
    largest: Sizes
    """Largest absolute value."""
    negative: float
    """Share of negative values over all clips and steps."""


@torch.no_grad()
def _cell_sizes(subject: Subject) -> dict[str, CellSizes]:
    """Return the sizes by layer, the lowest first."""
    batches: list[dict[str, SizeRecorder]] = []
    for clips in torch.split(subject.clips, subject.batch):
        batches.append({name: SizeRecorder() for name in layers_of(subject.model)})
        with tapped(subject.model, batches[-1]):
            subject.model.forecast(clips[:, : subject.context], subject.horizon)
    return {
        name: CellSizes(
            mean=_by_clip([batch[name].mean for batch in batches]),
            largest=_by_clip([batch[name].largest for batch in batches]),
            negative=float(_by_clip([batch[name].negative for batch in batches]).mean()),
        )
        for name in batches[0]
    }


def _by_clip(batches: Sequence[Sequence[torch.Tensor]]) -> Sizes:
    """Join the steps of each batch, then the batches."""
    sizes: Sizes = torch.cat([torch.stack(list(steps), 1) for steps in batches]).double().numpy()
    return sizes


def _start(sizes: Sizes, context: int) -> int:
    """Return the last step of the context, or the first where a layer runs in the context or the forecast alone."""
    return context - 1 if sizes.shape[1] > context else 0


def _change(layer: str, sizes: Sizes, context: int) -> MetricChange:
    return paired_change(
        f"{layer}: end of the forecast, not its start",
        "mean size of the cell state",
        sizes[:, [_start(sizes, context)]],
        sizes[:, [-1]],
    )


def _numbers(layers: Mapping[str, CellSizes], changes: Mapping[str, MetricChange], context: int) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    for layer, sizes in layers.items():
        steps = sizes.mean.shape[1] - 1 - _start(sizes.mean, context)
        numbers[f"{layer} growth a step"] = changes[layer].difference / steps if steps else math.nan
        numbers[f"{layer} largest value"] = float(sizes.largest.max())
        numbers[f"{layer} negative share"] = sizes.negative
    return numbers


def _chart(title: str, axis: str, by_layer: Mapping[str, np.ndarray]) -> Chart:
    lines = tuple(
        Line(layer, tuple(float(step) for step in range(1, len(values) + 1)), tuple(values.tolist()))
        for layer, values in by_layer.items()
    )
    return Chart(title, "step", axis, lines)


def _sentence(layer: str, change: MetricChange, negative: float) -> str:
    sign = "never negative" if negative == 0 else f"{100 * negative:.0f} % negative"
    ends = f"from {change.before:.3g} to {change.after:.3g}"
    interval = f"{change.difference:+.3g} [{change.low:+.3g}, {change.high:+.3g}], n = {change.clips} clips; {sign}"
    verb = "grows" if change.low > 0 else "shrinks" if change.high < 0 else "keeps its size"
    return f"The cell state of {layer} {verb} over the forecast, {ends} ({interval})."
