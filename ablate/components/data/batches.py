"""Batches of training clips on the device, read from a source of clips."""

from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from ablate.components.data.source import ClipSource
from ablate.core.seeds import derive
from ablate.core.tensors import Video

Batch = UInt8[Tensor, "batch time height width"]
"""Clips as stored: 0 is black, 255 is full ink."""


def batches(
    source: ClipSource, frames: int, batch: int, seed: int, device: torch.device, start: int = 0
) -> Iterator[Batch]:
    """Yield batches of training clips of `frames` frames without end, starting at batch number `start`.

    A finite training set is read in epochs, each in a new order derived from `seed`; the last batch of an
    epoch has the remaining clips, as in Keras. From generated clips, batch k has clips k*batch to (k+1)*batch - 1.
    """
    if source.training_size is None:
        return _generated(source, frames, batch, device, start)
    return islice(_epochs(source, source.training_size, frames, batch, seed, device), start, None)


def as_video(clips: Batch) -> Video:
    """Return clips as float32 in [0, 1] with one channel."""
    return clips.unsqueeze(2).float() / 255


def _generated(source: ClipSource, frames: int, batch: int, device: torch.device, start: int) -> Iterator[Batch]:
    for first in count(start * batch, batch):
        yield torch.from_numpy(source.training(np.arange(first, first + batch), frames)).to(device)


def _epochs(source: ClipSource, size: int, frames: int, batch: int, seed: int, device: torch.device) -> Iterator[Batch]:
    clips = torch.from_numpy(source.training(np.arange(size), frames)).to(device)
    shuffling = torch.Generator().manual_seed(derive(seed, "batch_order"))
    while True:
        for indices in torch.split(torch.randperm(size, generator=shuffling).to(device), batch):
            yield clips[indices]
