"""Whether the cell state only grows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float

from ablate.components.models.tap import CellState, Tap
from ablate.diagnosis.probes.change import paired
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.diagnosis.probes.tapped import layers_of, tapped
from ablate.storage.findings import Chart, Finding, Line, MetricChange, Number

Sizes = Float[np.ndarray, "clip step"]


@final
class CellGrowth(Probe):
    """Measures the cell state of every layer, step by step, through context and forecast."""

    name: ClassVar[str] = "cell_growth"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes ConvLSTM layers."""
        return bool(layers_of(subject.model))

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        layers = _measured(subject)
        changes = tuple(_change(layer, measured.sizes, subject.context) for layer, measured in layers.items())
        negative = {layer: measured.negative for layer, measured in layers.items()}
        return Finding(
            probe=self.name,
            title="Does the cell state only grow?",
            intervention="The size of the cell state was measured step by step, in every layer.",
            sentences=tuple(_sentences(changes, negative)),
            numbers=_numbers(layers, changes, subject.context),
            changes=changes,
            charts=(
                _chart(
                    "Size of the cell state over context and forecast",
                    "mean absolute cell state",
                    {layer: measured.sizes.mean(0) for layer, measured in layers.items()},
                ),
                _chart(
                    "Largest value of the cell state over context and forecast",
                    "largest absolute cell state",
                    {layer: measured.largest.max(0) for layer, measured in layers.items()},
                ),
            ),
        )


@dataclass
class Scale(Tap):
    """Takes down the cell state after every step, by clip: mean and largest absolute value, share of negative ones."""

    sizes: list[torch.Tensor] = field(default_factory=list)
    largest: list[torch.Tensor] = field(default_factory=list)
    negative: list[torch.Tensor] = field(default_factory=list)

    def after(self, state: CellState) -> CellState:
        """See Tap."""
        size = state.cell.abs()
        self.sizes.append(size.mean((1, 2, 3)).cpu())
        self.largest.append(size.amax((1, 2, 3)).cpu())
        self.negative.append((state.cell < 0).float().mean((1, 2, 3)).cpu())
        return state


@dataclass(frozen=True)
class Measured:
    """The cell state of one layer over all clips: its sizes, and the share of negative values over all steps."""

    sizes: Sizes
    """Mean absolute value."""
    largest: Sizes
    """Largest absolute value."""
    negative: float


@torch.no_grad()
def _measured(subject: Subject) -> dict[str, Measured]:
    """Return what was measured, by layer, from below."""
    batches: list[dict[str, Scale]] = []
    for clips in torch.split(subject.clips, subject.batch):
        batches.append({name: Scale() for name in layers_of(subject.model)})
        with tapped(subject.model, batches[-1]):
            subject.model.forecast(clips[:, : subject.context], subject.horizon)
    return {
        name: Measured(
            sizes=_by_clip([batch[name].sizes for batch in batches]),
            largest=_by_clip([batch[name].largest for batch in batches]),
            negative=float(_by_clip([batch[name].negative for batch in batches]).mean()),
        )
        for name in batches[0]
    }


def _by_clip(batches: Sequence[Sequence[torch.Tensor]]) -> Sizes:
    """Join the steps of each batch, and then the batches."""
    sizes: Sizes = torch.cat([torch.stack(list(steps), 1) for steps in batches]).double().numpy()
    return sizes


def _start(sizes: Sizes, context: int) -> int:
    """Return the last step of the context, or the first where a layer runs for one part only."""
    return context - 1 if sizes.shape[1] > context else 0


def _change(layer: str, sizes: Sizes, context: int) -> MetricChange:
    return paired(
        f"{layer}: end of the forecast, not its start",
        "mean size of the cell state",
        sizes[:, [_start(sizes, context)]],
        sizes[:, [-1]],
    )


def _numbers(layers: Mapping[str, Measured], changes: Sequence[MetricChange], context: int) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    for (layer, measured), change in zip(layers.items(), changes, strict=True):
        steps = measured.sizes.shape[1] - 1 - _start(measured.sizes, context)
        numbers[f"{layer} growth a step"] = change.difference / steps if steps else math.nan
        numbers[f"{layer} largest value"] = float(measured.largest.max())
        numbers[f"{layer} negative share"] = measured.negative
    return numbers


def _chart(title: str, axis: str, by_layer: Mapping[str, np.ndarray]) -> Chart:
    lines = tuple(
        Line(layer, tuple(float(step) for step in range(1, len(values) + 1)), tuple(values.tolist()))
        for layer, values in by_layer.items()
    )
    return Chart(title, "step", axis, lines)


def _sentences(changes: Sequence[MetricChange], negative: Mapping[str, float]) -> Iterator[str]:
    for change in changes:
        layer = change.condition.partition(":")[0]
        side = "one-sided: never negative" if negative[layer] == 0 else f"{100 * negative[layer]:.0f} % negative"
        ends = f"from {change.before:.3g} to {change.after:.3g}"
        spread = f"{change.difference:+.3g} [{change.low:+.3g}, {change.high:+.3g}] over {change.clips} clips; {side}"
        if change.low > 0:
            yield f"The cell state of {layer} grows over the forecast, {ends} ({spread})."
        elif change.high < 0:
            yield f"The cell state of {layer} shrinks over the forecast, {ends} ({spread})."
        else:
            yield f"The cell state of {layer} keeps its size over the forecast, {ends} ({spread})."
