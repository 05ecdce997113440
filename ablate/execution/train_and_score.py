"""Carry out one run, from its description to its record: data, training, evaluation, pictures, files."""

import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import torch

import ablate
from ablate.execution.tracking.run_description import commit
from ablate.measurement.metrics.ghost import DEFINITION
from ablate.measurement.scoring.summary import summarize
from ablate.report.animation import write_animation
from ablate.report.forecast_page import forecast_page
from ablate.report.frame_grid import write_frame_grid
from ablate.storage.atomic import sweep, whole_file
from ablate.storage.paths import RunPaths
from ablate.storage.records import GHOST_DEFINITION, SCORE_COLUMNS, RunRecord
from ablate.study import PlannedRun
from ablate.study.study_file import dump
from ablate.training.evaluation import ViewResult, evaluate, score_table
from ablate.training.fit import Trained, choose_device, fit
from ablate.training.loss_curve import Observe
from ablate.training.peak_memory import peak_memory_mib, reset_peak_memory

NO_SCORES = pd.DataFrame(columns=SCORE_COLUMNS)


def carry_out(planned_run: PlannedRun, paths: RunPaths, observe: Observe) -> RunRecord:
    """Train, evaluate and picture one run; write every file into its folder, the record last.

    Raises whatever data, training or evaluation raise; the folder then holds no record.
    """
    started = time.monotonic()
    run, device = planned_run.spec, choose_device(planned_run.spec.training)
    paths.folder.mkdir(parents=True, exist_ok=True)
    sweep(paths.folder)
    for stale in (paths.log, paths.findings, paths.findings_page):
        stale.unlink(missing_ok=True)
    with whole_file(paths.run_yaml) as path:
        path.write_text(dump(run))
    source = run.data.build(run.seed)
    reset_peak_memory(device)
    trained = fit(run, source, device, observe, paths.training_state)
    started -= trained.earlier_seconds
    training_seconds, peak = time.monotonic() - started, peak_memory_mib(device)
    views = {} if trained.diverged else evaluate(trained.model, run, source, device)
    with whole_file(paths.checkpoint) as path:
        torch.save(trained.model.state_dict(), path)
    record = RunRecord(
        run=planned_run.spec.non_defaults(),
        outcome="diverged" if trained.diverged else "finished",
        scores=score_table(views) if views else NO_SCORES,
        curve=trained.curve,
        examples={name: view.example for name, view in views.items()},
        facts=_facts(trained, device)
        | alignments(views)
        | ({} if peak is None else {"peak_memory_mib": peak})
        | {"training_seconds": training_seconds, "seconds": time.monotonic() - started, "ended_at": _now()},
    )
    draw(planned_run, views, paths)
    record.save(paths)
    paths.training_state.unlink(missing_ok=True)
    return record


def _facts(trained: Trained, device: torch.device) -> dict[str, str | int | float]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    checkout = commit(Path(ablate.__file__).parent)
    facts: dict[str, str | int | float] = {"commit": checkout} if checkout else {}
    return facts | {
        "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
        "device": device.type,
        "device_name": name,
        "threads": torch.get_num_threads(),
        "ablate": ablate.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "micro_batches": trained.micro_batches,
        GHOST_DEFINITION: DEFINITION,
        "resumed_after_step": trained.resumed_after,
    }


def _now() -> str:
    """Return the time in UTC, to the second: reports take their date from records, so that they can be repeated."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def alignments(views: Mapping[str, ViewResult]) -> dict[str, str | int]:
    """Return the facts that distinguish a late forecast, or a copied input, from a ghost."""
    facts: dict[str, str | int] = {}
    for name, view in views.items():
        alignment = view.scores.alignment
        facts[f"{name}/best_offset"] = alignment.best_offset
        facts[f"{name}/copies"] = alignment.copies or "nothing"
    return facts


def draw(planned_run: PlannedRun, views: Mapping[str, ViewResult], paths: RunPaths) -> None:
    """Write the pictures and the page of every view."""
    for name, view in views.items():
        title = f"{planned_run.title}: {name.replace('_', ' ')}"
        write_frame_grid(paths.frame_grid(name), view.example, title)
        write_animation(paths.animation(name), view.example)
        with whole_file(paths.forecast_page(name)) as path:
            path.write_text(forecast_page(title, summarize(view.scores), view.example), encoding="utf-8")
