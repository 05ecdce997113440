"""A model's roll-out while its layers are watched, or changed from inside."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch

from ablate.components.models.convlstm_layer import ConvLSTMLayer
from ablate.components.models.forecaster import Forecaster
from ablate.components.models.tap import Tap
from ablate.core.arrays import Frames
from ablate.diagnosis.probes.probe import Subject, unit_frames

Taps = Callable[[], Mapping[str, Tap]]
"""Makes new taps by layer: one counts the steps of one sequence, and so serves one batch."""


def layers_of(model: Forecaster) -> dict[str, ConvLSTMLayer]:
    """Return the model's ConvLSTM layers by name, from below."""
    return {name: module for name, module in model.named_modules() if isinstance(module, ConvLSTMLayer)}


def taps_in(layers: Iterable[str], make: Callable[[], Tap]) -> Taps:
    """Return what makes a tap of its own for each of these layers."""
    return lambda: {name: make() for name in layers}


@torch.no_grad()
def tapped_rollout(subject: Subject, taps: Taps) -> Frames:
    """Return the forecast of every clip, each batch under taps of its own."""
    parts = []
    for clips in torch.split(subject.clips, subject.batch):
        with tapped(subject.model, taps()):
            parts.append(subject.model.forecast(clips[:, : subject.context], subject.horizon))
    return unit_frames(torch.cat(parts))


@contextmanager
def tapped(model: Forecaster, taps: Mapping[str, Tap]) -> Iterator[None]:
    """Put taps into the layers of these names within the block, and take them out again."""
    layers = layers_of(model)
    before = {name: layers[name].tap for name in taps}
    try:
        for name, tap in taps.items():
            layers[name].tap = tap
        yield
    finally:
        for name, tap in before.items():
            layers[name].tap = tap
