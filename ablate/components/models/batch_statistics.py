"""The choice of batch normalization's statistics at inference, and their recomputation after training."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ablate.components.models.forecaster import Forecaster
from ablate.components.models.normalization import BatchNorm
from ablate.components.models.specs import Statistics
from ablate.core.tensors import Video


@contextmanager
def statistics(model: Forecaster, choice: Statistics | None) -> Iterator[None]:
    """Make every batch normalization of the model use these statistics inside the block; None changes nothing."""
    layers = batch_norms(model)
    previous = [layer.statistics for layer in layers]
    for layer in layers:
        layer.statistics = choice or layer.statistics
    try:
        yield
    finally:
        for layer, layer_statistics in zip(layers, previous, strict=True):
            layer.statistics = layer_statistics


def lacks_statistics(model: Forecaster) -> bool:
    """Return whether inference would need recomputed statistics that do not exist yet."""
    return any(layer.statistics == "recomputed" and layer.never_recomputed for layer in batch_norms(model))


@torch.no_grad()
def recompute_statistics(model: Forecaster, videos: Iterable[Video]) -> None:
    """Recompute mean and variance over these clips, while every layer normalizes by the statistics of its batch.

    The moving averages and the model's mode do not change. Raises ValueError if there are no clips.
    """
    pools = [_Pool(layer) for layer in batch_norms(model)]
    if not pools:
        return
    training = model.training
    try:
        with statistics(model.eval(), "batch"):
            for video in videos:
                model.one_step(video)
    finally:
        model.train(training)
        for pool in pools:
            pool.close()
    for pool in pools:
        pool.store()


class _Pool:
    """Sums over the inputs of one layer, added up until it is closed."""

    def __init__(self, layer: BatchNorm) -> None:
        self._layer, self._count = layer, 0
        self._total = torch.zeros(2, len(layer.weight), dtype=torch.float64)
        self._hook = layer.register_forward_pre_hook(self._add)

    def close(self) -> None:
        """Stop adding up."""
        self._hook.remove()

    def store(self) -> None:
        """Store the averages in the layer."""
        if self._count == 0:
            raise ValueError("found no clips to recompute statistics over; give at least one")
        mean, square = self._total / self._count
        self._layer.set_recomputed(mean, square - mean.square())

    def _add(self, _: nn.Module, inputs: tuple[Tensor]) -> None:
        values = inputs[0].movedim(2, 0).flatten(1)
        sums = torch.stack([values.sum(1, dtype=torch.float64), values.square().sum(1, dtype=torch.float64)])
        self._total += sums.cpu()
        self._count += values.shape[1]


def batch_norms(model: nn.Module) -> list[BatchNorm]:
    """Return the batch normalizations of the model, in the order of their creation."""
    return [module for module in model.modules() if isinstance(module, BatchNorm)]
