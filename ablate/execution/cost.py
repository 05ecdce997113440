"""Estimate how long a study takes on this machine, from one timed step and counted arithmetic."""

import time
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from ablate.components.losses import LossSpec
from ablate.components.models import AnyModel
from ablate.components.models.forecaster import Forecaster
from ablate.components.schemes import SchemeSpec
from ablate.core.tensors import Video
from ablate.study import RunSpec, StudySpec
from ablate.training.fit import choose_device, initial_model

TIMED_FLOP = 10e9  # a step of this size takes one core a fraction of a second
OVERHEAD_SECONDS = 4.0  # of a run, for clips, scores, pictures, files


@dataclass(frozen=True)
class CostEstimate:
    """Seconds of one run of each cell, and of the whole study with `slots` runs at a time."""

    run_seconds: tuple[float, ...]
    study_seconds: float
    slots: int


def estimate(study: StudySpec, slots: int) -> CostEstimate:
    """Time one optimization step of the base run, and scale it by every cell's floating-point operations.

    Nothing is trained: the timed step's weights are discarded. The estimate is good to a factor of about two, since
    memory traffic does not grow as arithmetic does.
    """
    rate = _flop_a_second(study.base)
    seconds = tuple(OVERHEAD_SECONDS + _run_flop(cell.spec) / rate for cell in study.cells)
    return CostEstimate(seconds, sum(seconds) * len(study.seeds) / slots, slots)


def _flop_a_second(run: RunSpec) -> float:
    if not run.model.trainable:
        return TIMED_FLOP
    flop = _step_flop(run)
    batch = int(min(run.training.batch, max(1, TIMED_FLOP // flop)))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker
    try:
        _step(run, batch)
        started = time.perf_counter()
        _step(run, batch)
        return flop * batch / (time.perf_counter() - started)
    finally:
        torch.set_num_threads(threads)


def _run_flop(run: RunSpec) -> int:
    training = _step_flop(run) * run.training.batch * run.training.steps if run.model.trainable else 0
    views, evaluation = run.evaluation.views.values(), run.evaluation
    times = (evaluation.context, evaluation.horizon)
    return training + sum(
        _forecast_flop(run.model, run.data.frame_size, *times, view.forecast) * (view.count or evaluation.clips)
        for view in views
    )


def _step_flop(run: RunSpec) -> int:
    return _training_flop(run.model, run.data.frame_size, run.training.scheme, run.loss)


@lru_cache
def _training_flop(model: AnyModel, frame_size: int, scheme: SchemeSpec, loss: LossSpec) -> int:
    """Count the floating-point operations of one optimization step for each clip of its batch."""
    with FlopCounterMode(display=False) as counter:
        objective = scheme.build(loss.build())
        value = objective(_meta_model(model), _frames(frame_size, scheme.frames_needed), 1.0, torch.Generator())
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return int(counter.get_total_flops())


@lru_cache
def _forecast_flop(model: AnyModel, frame_size: int, context: int, horizon: int, forecast: str) -> int:
    """Count the floating-point operations of forecasting one clip."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if forecast == "rollout":
            _meta_model(model).forecast(_frames(frame_size, context), horizon)
        else:
            _meta_model(model).one_step(_frames(frame_size, context + horizon - 1))
    return int(counter.get_total_flops())


def _meta_model(spec: AnyModel) -> Forecaster:
    """Return the model on the meta device, so that its arithmetic is counted and not carried out."""
    with torch.device("meta"):
        model: Forecaster = spec.build()
    return model


def _frames(frame_size: int, time: int) -> Video:
    return torch.zeros(1, time, 1, frame_size, frame_size, device="meta")


def _step(run: RunSpec, batch: int) -> None:
    device = choose_device(run.training)
    scheme, frame_size = run.training.scheme, run.data.frame_size
    clips = torch.zeros(batch, scheme.frames_needed, 1, frame_size, frame_size, device=device)
    loss = scheme.build(run.loss.build())(initial_model(run, device), clips, 1.0, torch.Generator())
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    if device.type == "cuda":
        torch.cuda.synchronize()
