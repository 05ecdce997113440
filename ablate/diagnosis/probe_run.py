"""Putting every question to a trained run, and keeping the answers with it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from ablate.components.models.forecaster import Forecaster
from ablate.core.errors import DataError
from ablate.diagnosis.probes import PROBES
from ablate.diagnosis.probes.subject import subject
from ablate.report.findings_page import findings_page
from ablate.storage.atomic import whole_file
from ablate.storage.findings import Finding, save
from ablate.storage.paths import RunPaths
from ablate.training.checkpoint import restore

CLIPS = 24
"""Held-out clips a run is questioned on, unless told otherwise."""

SMALL = 100_000
"""Weights below which a net is small: the case's has three times as many, that of a first look a tenth."""

Observe = Callable[[str], None]


def probe_run(paths: RunPaths, title: str, command: str, clips: int, observe: Observe) -> tuple[Finding, ...]:
    """Ask a trained run every question that applies to it, and write the answers as JSON and as a page.

    `observe` is told the name of each probe before it is asked. Raises DataError where there is no trained model, or
    one that forecasts no numbers.
    """
    run, model = restore(paths)
    asked, findings = subject(run, model, clips), []
    with _threads(model):
        if not (np.isfinite(asked.rollout()).all() and np.isfinite(asked.one_step()).all()):
            raise DataError(f"{paths.checkpoint}: forecasts NaN, as a net that diverged does; there is nothing to ask")
        for probe in PROBES:
            if probe.applies_to(asked):
                observe(probe.name)
                findings.append(probe.ask(asked))
    save(findings, paths.findings)
    with whole_file(paths.findings_page) as path:
        path.write_text(findings_page(title, findings, command), encoding="utf-8")
    return tuple(findings)


@contextmanager
def _threads(model: Forecaster) -> Iterator[None]:
    """Give a small net one thread within the block: of which two, waiting for each other, take longer."""
    before = torch.get_num_threads()
    if sum(parameter.numel() for parameter in model.parameters()) < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
