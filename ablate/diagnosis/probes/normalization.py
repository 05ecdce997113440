"""Whether inference normalizes by other statistics than training did."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, final

import torch

from ablate.components.models.batch_statistics import batch_norms, recompute_statistics, statistics
from ablate.components.models.forecaster import Forecaster
from ablate.components.models.specs import Statistics
from ablate.core.arrays import Frames
from ablate.core.tensors import Video
from ablate.diagnosis.probes.change import LEFT_OUT, change_of, said
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.storage.findings import Finding

CHOICES: dict[Statistics, str] = {
    "moving": "the moving averages of training",
    "batch": "the statistics of the batch at hand",
    "recomputed": "averages recomputed after training",
}

BATCH = 16  # clips whose statistics are pooled at a time; their number is no matter


@final
class NormalizationStatistics(Probe):
    """Forecasts with moving averages, with batch statistics, and with averages recomputed over training clips."""

    name: ClassVar[str] = "normalization"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it takes batch normalization."""
        return bool(batch_norms(subject.model))

    def ask(self, subject: Subject) -> Finding:
        """See Probe."""
        own = batch_norms(subject.model)[0].statistics
        forecasts = _forecasts(subject, [choice for choice in CHOICES if choice != own])
        changes = [change for words, forecast in forecasts.items() for change in change_of(subject, words, forecast)]
        return Finding(
            probe=self.name,
            title="Is it another net at inference?",
            intervention=f"The same clips were forecast with other statistics than its own choice, {CHOICES[own]}."
            + LEFT_OUT,
            sentences=said(changes, len(subject.clips)),
            numbers={"own_choice": own},
            changes=tuple(changes),
        )


def _forecasts(subject: Subject, choices: Sequence[Statistics]) -> dict[str, Frames]:
    """Return the forecast with each choice of statistics, by its words, where the model can have them."""
    found = {}
    with _recomputed(subject.model, subject.training):
        for choice in choices:
            if choice != "recomputed" or not _lack(subject.model):
                with statistics(subject.model, choice):
                    found[CHOICES[choice]] = subject.rollout()
    return found


@contextmanager
def _recomputed(model: Forecaster, training: Video | None) -> Iterator[None]:
    """Recompute averages where there are none yet, within the block."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        if training is not None and _lack(model):
            recompute_statistics(model, torch.split(training, BATCH))
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])


def _lack(model: Forecaster) -> bool:
    return any(norm.never_recomputed for norm in batch_norms(model))
