"""A trained run made ready for questions."""

from itertools import islice

import torch

from ablate.components.data.batches import as_video
from ablate.components.models.forecaster import Forecaster
from ablate.diagnosis.probes.probe import Subject
from ablate.study import RunSpec
from ablate.training.evaluation import training_videos
from ablate.training.fit import choose_device

TRAINING_BATCHES = 8  # enough to refit a head of some hundred weights, and to average statistics


def subject(run: RunSpec, model: Forecaster, clips: int) -> Subject:
    """Return a trained model with the first held-out clips, as the run's evaluation takes them, and training clips."""
    device = choose_device(run.training)
    source, evaluation = run.data.build(run.seed), run.evaluation
    held_out = source.held_out(clips, evaluation.context + evaluation.horizon)
    return Subject(
        model=model.to(device),
        clips=as_video(torch.from_numpy(held_out).to(device)),
        context=evaluation.context,
        horizon=evaluation.horizon,
        training=torch.cat(list(islice(training_videos(run, source, device), TRAINING_BATCHES))),
        batch=evaluation.batch,
    )
