"""Diagnose a foreign model on generated clips: scores, the probes that need no training clips, and advice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import ValidationError

from ablate.components.data import MovingMNIST
from ablate.components.data.batches import as_video
from ablate.core.arrays import Clips, Frames
from ablate.core.errors import SpecError
from ablate.diagnosis.advice import advise
from ablate.diagnosis.foreign_forecaster import ForeignForecaster, Predicts, determine_convention
from ablate.diagnosis.foreign_torch import ForeignModel
from ablate.diagnosis.probes import Probe, Subject
from ablate.diagnosis.probes.leakage import Leakage
from ablate.diagnosis.probes.receptive_field import ReceptiveField
from ablate.diagnosis.probes.train_forecast_gap import Positions
from ablate.measurement.scoring.brightness import as_ink
from ablate.measurement.scoring.scores import score_forecast
from ablate.measurement.scoring.summary import ForecastSummary, summarize
from ablate.storage.findings import Finding
from ablate.storage.records import Example


@dataclass(frozen=True)
class DiagnosisSettings:
    """The clips of a diagnosis, and what the user knows about the model's convention."""

    frame_size: int = 64
    digits: int = 2
    binarize: int | None = None
    """Least ink, of 255, that becomes white, all other ink black; None keeps the gray values."""
    context: int = 10
    horizon: int = 10
    clips: int = 16
    seed: int = 0
    """Seed of the held-out clips: no two seeds share a clip."""
    predicts: Predicts | None = None
    """What the model returns if input and output have the same number of frames; None determines it."""
    logits: bool = False
    """Whether the model returns logits, so that a sigmoid is applied."""


@dataclass(frozen=True)
class Diagnosis:
    """The content of a page about a model."""

    summary: ForecastSummary
    example: Example
    """Forecasts of the clips that the page shows."""
    findings: tuple[Finding, ...]
    advice: tuple[str, ...]
    conventions: tuple[str, ...]
    """How the model takes and returns frames, in words."""


def diagnose(model: ForeignModel, settings: DiagnosisSettings, clips: Clips | None = None) -> Diagnosis:
    """Score a model's rollout on clips, apply the probes that fit it, and give advice.

    `model` takes and returns frames as load_torch and load_keras describe. `clips` have at least `context` and
    `horizon` frames, of which the first are used; None generates Moving MNIST as the settings say. Raises DataError for
    a model that fails on these clips or returns no frames, SpecError for clips that cannot be generated.
    """
    clips = _clips(settings) if clips is None else clips[:, : settings.context + settings.horizon]
    video = as_video(torch.from_numpy(clips))
    convention = determine_convention(model, video, settings.context, settings.predicts, logits=settings.logits)
    forecaster = ForeignForecaster(model, convention).eval()
    subject = Subject(forecaster, video, settings.context, settings.horizon, training=None)
    forecast = subject.rollout()
    summary = summarize(score_forecast(forecast, subject.target, subject.history))
    findings = tuple(probe.apply(subject) for probe in _probes(forecaster) if probe.applies_to(subject))
    return Diagnosis(
        summary=summary,
        example=_example(clips, forecast, summary, settings.context),
        findings=findings,
        advice=advise(summary, findings),
        conventions=convention.sentences,
    )


def _clips(settings: DiagnosisSettings) -> Clips:
    try:
        spec = MovingMNIST(frame_size=settings.frame_size, digits=settings.digits, binarize=settings.binarize)
    except ValidationError as error:
        fault = error.errors()[0]
        raise SpecError(f"{fault['loc'][0]}: found {fault['input']}; {fault['msg']}") from None
    first = settings.seed * settings.clips
    return spec.build(seed=0).held_out(first + settings.clips, settings.context + settings.horizon)[first:]


def _probes(forecaster: ForeignForecaster) -> Iterator[Probe]:
    """Yield the probes that are informative for a model with this convention."""
    yield Leakage()
    if forecaster.convention.kind == "next_at_every_position" and not forecaster.convention.fixed_length:
        yield Positions()  # any other model sees the same frames at every position
    yield ReceptiveField()


def _example(clips: Clips, forecast: Frames, summary: ForecastSummary, context: int) -> Example:
    numbers = np.array(summary.shown_clips, np.int64)
    return Example(clips[numbers, :context], clips[numbers, context:], as_ink(forecast[numbers]), numbers)
