"""Differences between training and forecasting: position in the sequence, input frames, normalization statistics."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from ablate.components.models.batch_statistics import batch_norms, recompute_statistics, statistics
from ablate.components.models.forecaster import Forecaster, NextFrameModel
from ablate.components.models.specs import Statistics
from ablate.core.arrays import Frames
from ablate.core.tensors import Video
from ablate.diagnosis.probes.metric_changes import EXCLUDED_FRAMES, change_sentences, changes_from_baseline
from ablate.diagnosis.probes.probe import Probe, Subject
from ablate.measurement.scoring.curves import mean_interval
from ablate.storage.findings import Chart, Finding, Line, MetricChange, Number

CLIP = 1e-7  # as in Keras: probabilities stay this far from 0 and 1, so that a sure mistake costs 16, not infinity
EQUAL_SHARE = 1e-4  # losses that differ by a smaller share are equal up to rounding
STATISTICS: dict[Statistics, str] = {
    "moving": "the moving averages of training",
    "batch": "the statistics of the present batch",
    "recomputed": "averages recomputed after training",
}
STATISTICS_BATCH = 16  # clips whose statistics are pooled at a time; the result does not depend on it

Losses = Float[np.ndarray, "clip position"]


@final
class Positions(Probe):
    """Predicts the same frames twice: inside a longer sequence, and at the end of a sequence that stops there.

    Training takes its loss at every position, a forecast uses the last position alone. A network whose prediction
    depends on earlier frames alone predicts the same both times.
    """

    name: ClassVar[str] = "positions"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs a position with a frame after the predicted one."""
        return subject.clips.shape[1] > 2  # noqa: PLR2004  # one input, one predicted frame, one after it

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        positions = _inner_positions(subject)
        inside, at_end = losses_inside(subject, positions), losses_at_end(subject, positions)
        mean, low, high = (float(value) for value in mean_interval((at_end - inside).mean(axis=1)))
        before, after, clips = float(inside.mean()), float(at_end.mean()), len(inside)
        numbers: dict[str, Number] = {
            "loss_inside": before,
            "loss_at_end": after,
            "difference": mean,
            "difference_low": low,
            "difference_high": high,
        }
        change = MetricChange("at the end, not inside", "binary cross-entropy", before, after, mean, low, high, clips)
        return Finding(
            probe=self.name,
            title="Does the network forecast as well as it trains?",
            intervention="The same frames were predicted inside a longer sequence, as in training, and at its end.",
            sentences=(_positions_sentence(change),),
            numbers=numbers,
            changes=(change,),
            charts=(_positions_chart(positions, inside, at_end),),
        )


@final
class Feeding(Probe):
    """Feeds true frames where a forecast feeds its own predictions, so that no error can accumulate."""

    name: ClassVar[str] = "feeding"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs a model that feeds on its predictions, and at least one of them."""
        return isinstance(subject.model, NextFrameModel) and subject.horizon > 1

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        changes = changes_from_baseline(subject, "true frames fed in place of predictions", subject.one_step())
        return Finding(
            probe=self.name,
            title="Does the network feed on its own errors?",
            intervention="The same frames were predicted one step ahead from true frames, not from earlier predictions."
            + EXCLUDED_FRAMES,
            sentences=change_sentences(changes, len(subject.clips)),
            changes=changes,
        )


@final
class NormalizationStatistics(Probe):
    """Forecasts with moving averages, with batch statistics, and with averages recomputed over training clips."""

    name: ClassVar[str] = "normalization"

    def applies_to(self, subject: Subject) -> bool:
        """See Probe: it needs batch normalization."""
        return bool(batch_norms(subject.model))

    def apply(self, subject: Subject) -> Finding:
        """See Probe."""
        present = batch_norms(subject.model)[0].statistics
        forecasts = _forecasts_by_statistics(subject, [choice for choice in STATISTICS if choice != present])
        changes = tuple(
            change
            for condition, forecast in forecasts.items()
            for change in changes_from_baseline(subject, condition, forecast)
        )
        return Finding(
            probe=self.name,
            title="Do the normalization statistics matter at inference?",
            intervention=f"The same clips were forecast with other statistics than {STATISTICS[present]}."
            + EXCLUDED_FRAMES,
            sentences=change_sentences(changes, len(subject.clips)),
            numbers={"own_choice": present},
            changes=changes,
        )


def losses_inside(subject: Subject, positions: range) -> Losses:
    """Return the loss at these positions of the whole sequence: binary cross-entropy, averaged over pixels."""
    last = subject.clips.shape[1] - 1
    predictions = _predictions(subject, last)[:, positions.start : positions.stop]
    return _losses(predictions, subject.clips[:, positions.start + 1 : positions.stop + 1])


def losses_at_end(subject: Subject, positions: range) -> Losses:
    """Return the loss of the same frames, each predicted at the end of a sequence that stops before it."""
    predictions = torch.cat([_predictions(subject, position + 1)[:, -1:] for position in positions], dim=1)
    return _losses(predictions, subject.clips[:, positions.start + 1 : positions.stop + 1])


def _inner_positions(subject: Subject) -> range:
    """Return the positions from the last known frame on that have a position after them; at least one."""
    stop = subject.clips.shape[1] - 2
    return range(min(subject.context, stop) - 1, stop)


@torch.no_grad()
def _predictions(subject: Subject, frames: int) -> Video:
    batches = torch.split(subject.clips[:, :frames], subject.batch)
    return torch.cat([subject.model.one_step(clips) for clips in batches])


def _losses(predictions: Video, target: Video) -> Losses:
    probabilities = predictions.float().clamp(CLIP, 1 - CLIP)
    losses = functional.binary_cross_entropy(probabilities, target, reduction="none").mean((2, 3, 4))
    return losses.cpu().numpy().astype(np.float64)


def _positions_sentence(change: MetricChange) -> str:
    losses = f"loss {change.before:.4f} inside a sequence, {change.after:.4f} at its end"
    if abs(change.after - change.before) <= EQUAL_SHARE * change.before:
        return f"The same frames are predicted equally well both ways: {losses}."
    difference = (
        f"{change.after - change.before:+.4f} [{change.low:+.4f}, {change.high:+.4f}], n = {change.clips} clips"
    )
    if change.low > 0:
        ratio = _ratio_words(change.after / change.before)
        return (
            f"At the end of a sequence, where the network forecasts, the same frames cost {ratio} inside, where it "
            f"trains: {losses} ({difference})."
        )
    if change.high < 0:
        return f"The same frames are predicted better at the end of a sequence than inside: {losses} ({difference})."
    return f"Whether the end of a sequence is predicted worse is undecided: {losses} ({difference})."


def _ratio_words(ratio: float) -> str:
    return f"{ratio:.1f} times as much as" if ratio >= 2 else f"{ratio - 1:.1%} more than"  # noqa: PLR2004  # twice


def _positions_chart(positions: range, inside: Losses, at_end: Losses) -> Chart:
    """Draw the loss by the predicted frame, counted from 1."""
    x = tuple(position + 2.0 for position in positions)
    lines = (
        Line("inside a sequence", x, tuple(inside.mean(axis=0).tolist())),
        Line("at its end", x, tuple(at_end.mean(axis=0).tolist())),
    )
    return Chart("Loss of the same frames, predicted both ways", "predicted frame", "binary cross-entropy", lines)


def _forecasts_by_statistics(subject: Subject, choices: Sequence[Statistics]) -> dict[str, Frames]:
    """Return the forecast with each choice of statistics, by its description, where the model can have them."""
    forecasts = {}
    with _recomputed(subject.model, subject.training):
        for choice in choices:
            if choice != "recomputed" or not _lacks_recomputed(subject.model):
                with statistics(subject.model, choice):
                    forecasts[STATISTICS[choice]] = subject.rollout()
    return forecasts


@contextmanager
def _recomputed(model: Forecaster, training: Video | None) -> Iterator[None]:
    """Recompute averages that the model lacks, within the block."""
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        if training is not None and _lacks_recomputed(model):
            recompute_statistics(model, torch.split(training, STATISTICS_BATCH))
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])


def _lacks_recomputed(model: Forecaster) -> bool:
    return any(norm.never_recomputed for norm in batch_norms(model))
