"""Estimate how long a study takes on this machine, from one timed step and counted arithmetic."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from ablate.components.models import AnyModel
from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Video
from ablate.study import RunSpec, StudySpec
from ablate.training.fit import choose_device, initial_model

TIMED_FLOP = 10e9  # a step of this size takes one core a fraction of a second
OVERHEAD_SECONDS = 4.0  # of a run, for clips, scores, pictures, files
CONVOLUTION_AXES = 4  # of the weights of a convolution over frames: channels out and in, height, width


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
    count = FlopCount()
    rate = _flop_a_second(study.base, count)
    seconds = tuple(OVERHEAD_SECONDS + count.of_run(cell.spec) / rate for cell in study.cells)
    return CostEstimate(seconds, sum(seconds) * len(study.seeds) / slots, slots)


Shape = tuple[Hashable, ...]
"""What determines the arithmetic of a step: the shapes of all convolutions, and how often they are applied."""


class FlopCount:
    """Counts floating-point operations once for every shape: most levels of a study change no convolution."""

    def __init__(self) -> None:
        self._counts: dict[Shape, int] = {}

    def of_run(self, run: RunSpec) -> int:
        """Return the operations of a whole run: its training, and the forecasts of all views."""
        training = self.of_step(run) * run.training.batch * run.training.steps if run.model.trainable else 0
        views, clips = run.evaluation.views.values(), run.evaluation.clips
        return training + sum(self._of_forecast(run, view.forecast) * (view.count or clips) for view in views)

    def of_step(self, run: RunSpec) -> int:
        """Return the operations of one optimization step for each clip of its batch. The loss itself costs little."""
        return self._once(("step", *_convolutions(run), run.training.scheme), lambda: _step_flop(run))

    def _of_forecast(self, run: RunSpec, forecast: str) -> int:
        """Return the operations of forecasting one clip."""
        times = (run.evaluation.context, run.evaluation.horizon)
        return self._once((forecast, *_convolutions(run), *times), lambda: _forecast_flop(run, forecast))

    def _once(self, shape: Shape, count: Callable[[], int]) -> int:
        if shape not in self._counts:
            self._counts[shape] = count()
        return self._counts[shape]


def _flop_a_second(run: RunSpec, count: FlopCount) -> float:
    if not run.model.trainable:
        return TIMED_FLOP
    flop = count.of_step(run)
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


def _convolutions(run: RunSpec) -> Shape:
    """Return the frame size, the kind of the model, and the shapes of its convolutions in their order."""
    weights = _meta_model(run.model).named_parameters()
    shapes = ((name, tuple(weight.shape)) for name, weight in weights if weight.dim() >= CONVOLUTION_AXES)
    return (run.data.frame_size, run.model.kind, *shapes)


def _step_flop(run: RunSpec) -> int:
    with FlopCounterMode(display=False) as counter:
        scheme = run.training.scheme
        objective = scheme.build(run.loss.build())
        frames = _frames(run.data.frame_size, scheme.frames_needed)
        value = objective(_meta_model(run.model), frames, 1.0, torch.Generator())
        value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return int(counter.get_total_flops())


def _forecast_flop(run: RunSpec, forecast: str) -> int:
    context, horizon = run.evaluation.context, run.evaluation.horizon
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if forecast == "rollout":
            _meta_model(run.model).forecast(_frames(run.data.frame_size, context), horizon)
        else:
            _meta_model(run.model).one_step(_frames(run.data.frame_size, context + horizon - 1))
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
