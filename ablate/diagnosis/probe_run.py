"""Apply every probe to a trained run, and write the findings into its folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch

from ablate.components.data.batches import as_video
from ablate.components.models.forecaster import Forecaster
from ablate.core.errors import DataError
from ablate.diagnosis.probes import PROBES, Subject
from ablate.report.findings_page import findings_page
from ablate.storage.atomic import whole_file
from ablate.storage.findings import Finding, save
from ablate.storage.paths import RunPaths
from ablate.study import RunSpec
from ablate.training.checkpoint import restore
from ablate.training.evaluation import training_videos
from ablate.training.fit import choose_device

CLIPS = 24  # held-out clips, by default
TRAINING_BATCHES = 8  # enough to fit a head of some hundred weights, and to average statistics
SMALL_MODEL = 100_000  # weights: the model of studies/case.yaml has three times as many, that of quick.yaml a tenth

Observe = Callable[[str], None]


def probe_run(paths: RunPaths, title: str, command: str, clips: int, observe: Observe) -> tuple[Finding, ...]:
    """Apply every probe that fits a trained run, and write the findings as JSON and as a page.

    `observe` gets the name of each probe before it starts. Raises DataError where there is no trained model, or the
    model forecasts NaN.
    """
    run, model = restore(paths)
    subject, findings = make_subject(run, model, clips), []
    with _fitting_threads(model):
        if not (np.isfinite(subject.rollout()).all() and np.isfinite(subject.one_step()).all()):
            raise DataError(
                f"{paths.checkpoint}: the model forecasts NaN and cannot be probed; choose a run that did not diverge"
            )
        for probe in PROBES:
            if probe.applies_to(subject):
                observe(probe.name)
                findings.append(probe.apply(subject))
    save(findings, paths.findings)
    with whole_file(paths.findings_page) as path:
        path.write_text(findings_page(title, findings, command), encoding="utf-8")
    return tuple(findings)


def make_subject(run: RunSpec, model: Forecaster, clips: int) -> Subject:
    """Return a trained model with the first held-out clips of the run's evaluation, and some training clips."""
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


@contextmanager
def _fitting_threads(model: Forecaster) -> Iterator[None]:
    """Use one thread within the block for a small model, where several would wait for each other."""
    former = torch.get_num_threads()
    if sum(parameter.numel() for parameter in model.parameters()) < SMALL_MODEL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(former)
