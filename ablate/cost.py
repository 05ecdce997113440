"""About how long a study takes on this machine, from one timed step and counted arithmetic."""

import time
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from ablate.models.forecaster import Forecaster
from ablate.schemes import Scheme
from ablate.spec import RunSpec, StudySpec, View
from ablate.tensors import Video
from ablate.training import choose_device, initial_model

TIMED_FLOP = 10e9  # a step of this size takes one core a fraction of a second
OVERHEAD_SECONDS = 4.0  # of a run beside its arithmetic: clips, scores, pictures, files


@dataclass(frozen=True)
class Estimate:
    """Seconds of one run of every cell, and of the whole study with `slots` runs at a time."""

    run_seconds: tuple[float, ...]
    study_seconds: float
    slots: int


def estimate(study: StudySpec, slots: int) -> Estimate:
    """Time one optimisation step of the base run, and scale it by every cell's floating-point operations.

    Nothing is trained: the timed step's weights are thrown away. A rough figure, good to a factor of
    about two, since memory traffic does not grow as arithmetic does.
    """
    rate = _flop_a_second(study.base)
    seconds = tuple(OVERHEAD_SECONDS + _run_flop(cell.run) / rate for cell in study.cells)
    return Estimate(seconds, sum(seconds) * len(study.seeds) / slots, slots)


def _flop_a_second(run: RunSpec) -> float:
    if not run.model.trainable:
        return TIMED_FLOP
    flop = _step_flop(run)
    batch = int(min(run.training.batch, max(1, TIMED_FLOP // flop)))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as a worker has
    try:
        _step(run, batch)
        started = time.perf_counter()
        _step(run, batch)
        return flop * batch / (time.perf_counter() - started)
    finally:
        torch.set_num_threads(threads)


def _run_flop(run: RunSpec) -> float:
    training = _step_flop(run) * run.training.batch * run.training.steps if run.model.trainable else 0
    views = run.evaluation.views.values()
    return training + sum(_forecast_flop(run, view) * (view.count or run.evaluation.clips) for view in views)


def _step_flop(run: RunSpec) -> int:
    """Count the floating-point operations of one optimisation step for each clip of its batch."""
    scheme: Scheme = run.training.scheme
    with FlopCounterMode(display=False) as counter:
        scheme.loss(_hollow(run), _frames(run, scheme.frames_needed), run.loss, 1.0, torch.Generator()).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return int(counter.get_total_flops())


def _forecast_flop(run: RunSpec, view: View) -> int:
    context, horizon = run.evaluation.context, run.evaluation.horizon
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if view.forecast == "rollout":
            _hollow(run).forecast(_frames(run, context), horizon)
        else:
            _hollow(run).one_step(_frames(run, context + horizon - 1))
    return int(counter.get_total_flops())


def _hollow(run: RunSpec) -> Forecaster:
    """Return the run's model with shapes but no numbers: its arithmetic can be counted without being done."""
    with torch.device("meta"):
        model: Forecaster = run.model.build()
    return model


def _frames(run: RunSpec, time: int) -> Video:
    return torch.zeros(1, time, 1, run.data.canvas, run.data.canvas, device="meta")


def _step(run: RunSpec, batch: int) -> None:
    device = choose_device(run.training)
    scheme: Scheme = run.training.scheme
    clips = torch.zeros(batch, scheme.frames_needed, 1, run.data.canvas, run.data.canvas, device=device)
    scheme.loss(initial_model(run, device), clips, run.loss, 1.0, torch.Generator()).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    if device.type == "cuda":
        torch.cuda.synchronize()
