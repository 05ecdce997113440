"""Somebody else's model, put to every question that needs no training clips."""

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
from ablate.diagnosis.convention import Predicts, found_convention
from ablate.diagnosis.foreign_forecaster import ForeignForecaster
from ablate.diagnosis.foreign_torch import ForeignModel
from ablate.diagnosis.probes import Probe, Subject
from ablate.diagnosis.probes.leak import Leak
from ablate.diagnosis.probes.positions import Positions
from ablate.diagnosis.probes.receptive_field import ReceptiveField
from ablate.measurement.scoring.brightness import as_ink
from ablate.measurement.scoring.scores import score_forecast
from ablate.measurement.scoring.summary import ForecastSummary, summarize
from ablate.storage.findings import Finding
from ablate.storage.records import Example


@dataclass(frozen=True)
class Settings:
    """The clips that a model is questioned on, and what is known of its convention."""

    frame_size: int = 64
    digits: int = 2
    binarize: int | None = None
    """Least ink, of 255, that becomes full white, the rest black; None keeps the gray."""
    context: int = 10
    horizon: int = 10
    clips: int = 16
    seed: int = 0
    """Which held-out clips: no two seeds share any."""
    predicts: Predicts | None = None
    """What its frames are, if it returns as many as it is given; None finds out."""
    logits: bool = False
    """It returns logits: a sigmoid is applied."""


@dataclass(frozen=True)
class Diagnosis:
    """What a page tells of a model."""

    summary: ForecastSummary
    example: Example
    """Its forecasts of the clips that a page shows."""
    findings: tuple[Finding, ...]
    advice: tuple[str, ...]
    conventions: tuple[str, ...]
    """How it takes and returns frames, in words."""


def diagnose(model: ForeignModel, settings: Settings) -> Diagnosis:
    """Question a model on generated Moving MNIST: score its roll-out, and put the probes that fit it.

    `model` takes and returns frames as load_torch and load_keras say. Raises DataError for a model that fails on
    these clips, or whose answers are no frames; SpecError for clips that cannot be generated.
    """
    clips = _clips(settings)
    video = as_video(torch.from_numpy(clips))
    convention = found_convention(model, video, settings.context, settings.predicts, logits=settings.logits)
    forecaster = ForeignForecaster(model, convention).eval()
    subject = Subject(forecaster, video, settings.context, settings.horizon, training=None)
    forecast = subject.rollout()
    summary = summarize(score_forecast(forecast, subject.target, subject.history))
    findings = tuple(probe.ask(subject) for probe in _probes(forecaster) if probe.applies_to(subject))
    return Diagnosis(
        summary=summary,
        example=_example(clips, forecast, summary, settings.context),
        findings=findings,
        advice=advise(summary, findings),
        conventions=convention.sentences,
    )


def _clips(settings: Settings) -> Clips:
    try:
        spec = MovingMNIST(frame_size=settings.frame_size, digits=settings.digits, binarize=settings.binarize)
    except ValidationError as error:
        fault = error.errors()[0]
        raise SpecError(f"{fault['loc'][0]}: found {fault['input']}; {fault['msg']}") from None
    first = settings.seed * settings.clips
    return spec.build(seed=0).held_out(first + settings.clips, settings.context + settings.horizon)[first:]


def _probes(forecaster: ForeignForecaster) -> Iterator[Probe]:
    """Yield the probes that can tell something of a model with this convention."""
    yield Leak()
    if forecaster.convention.kind == "next_at_every_position" and not forecaster.convention.fixed_length:
        yield Positions()  # all others see the same frames at every position
    yield ReceptiveField()


def _example(clips: Clips, forecast: Frames, summary: ForecastSummary, context: int) -> Example:
    kept = np.array(summary.shown, np.int64)
    return Example(clips[kept, :context], clips[kept, context:], as_ink(forecast[kept]), kept)
