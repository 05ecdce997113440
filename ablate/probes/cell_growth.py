"""Whether the cell state only grows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float

from ablate.findings import Change, Chart, Finding, Line, Number
from ablate.models.tap import CellState, Tap
from ablate.probes.change import paired
from ablate.probes.probe import Probe, Subject
from ablate.probes.tapped import layers_of, tapped

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
        sizes, negative = _measured(subject)
        changes = tuple(_change(layer, values, subject.context) for layer, values in sizes.items())
        numbers: dict[str, Number] = {f"{layer} negative share": share for layer, share in negative.items()}
        return Finding(
            probe=self.name,
            title="Does the cell state only grow?",
            asks="The size of the cell state was measured step by step, in every layer.",
            sentences=tuple(_sentences(changes, negative)),
            numbers=numbers,
            changes=changes,
            charts=(_chart(sizes),),
        )


@dataclass
class Scale(Tap):
    """Takes down how large the cell state is after every step: the mean of its absolute value, by clip."""

    sizes: list[torch.Tensor] = field(default_factory=list)
    negative: list[float] = field(default_factory=list)

    def after(self, state: CellState) -> CellState:
        """See Tap."""
        self.sizes.append(state.cell.abs().mean((1, 2, 3)).cpu())
        self.negative.append((state.cell < 0).float().mean().item())
        return state


@torch.no_grad()
def _measured(subject: Subject) -> tuple[dict[str, Sizes], dict[str, float]]:
    """Return by layer the mean absolute cell state, and the share of negative values over all steps and clips."""
    batches: list[dict[str, Scale]] = []
    for clips in torch.split(subject.clips, subject.batch):
        batches.append({name: Scale() for name in layers_of(subject.model)})
        with tapped(subject.model, batches[-1]):
            subject.model.forecast(clips[:, : subject.context], subject.horizon)
    sizes = {
        name: torch.cat([torch.stack(batch[name].sizes, 1) for batch in batches]).double().numpy()
        for name in batches[0]
    }
    negative = {name: float(np.mean([batch[name].negative for batch in batches])) for name in batches[0]}
    return sizes, negative


def _change(layer: str, sizes: Sizes, context: int) -> Change:
    """Compare the last step with the last of the context, or with the first where a layer runs for one part only."""
    start = context - 1 if sizes.shape[1] > context else 0
    return paired(
        f"{layer}: end of the forecast, not its start", "mean size of the cell state", sizes[:, [start]], sizes[:, [-1]]
    )


def _chart(sizes: Mapping[str, Sizes]) -> Chart:
    lines = tuple(
        Line(layer, tuple(float(step) for step in range(1, values.shape[1] + 1)), tuple(values.mean(0).tolist()))
        for layer, values in sizes.items()
    )
    return Chart("Size of the cell state over context and forecast", "step", "mean absolute cell state", lines)


def _sentences(changes: Sequence[Change], negative: Mapping[str, float]) -> Iterator[str]:
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
