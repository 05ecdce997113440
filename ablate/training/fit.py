"""Training of one run, in reading order: weights, batch, loss, gradient, step, loss curve."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from ablate.components.data.batches import as_video, batches
from ablate.components.data.source import ClipSource
from ablate.components.models.fast.switch import compiled_gates, is_worth_compiling
from ablate.components.models.forecaster import Forecaster
from ablate.core.seeds import derive
from ablate.storage.records import CURVE_COLUMNS
from ablate.study import RunSpec, Training
from ablate.training.loss_curve import LossCurve, Observe
from ablate.training.resume import Learning, TrainingState


@dataclass(frozen=True)
class Trained:
    """A model after its last step, and its loss curve (columns of CURVE_COLUMNS).

    `micro_batches` is the number of parts that each batch was split into to fit into memory. If the training continues
    an earlier attempt, `resumed_after` is the number of steps of that attempt, and `earlier_seconds` is their time.
    """

    model: Forecaster
    curve: pd.DataFrame
    diverged: bool
    micro_batches: int = 1
    resumed_after: int = 0
    earlier_seconds: float = 0.0


def fit(
    run: RunSpec, source: ClipSource, device: torch.device, observe: Observe, state_file: Path | None = None
) -> Trained:
    """Train the run's model; every random draw comes from the run's seed.

    A loss or weight that is not finite ends the training: the run diverged. If a batch does not fit into the memory of
    the GPU, the training restarts with gradient accumulation over twice as many micro-batches.
    `state_file` holds the state of an interrupted training, from which this one continues.
    """
    micro_batches = 1
    while True:
        try:
            return _fit(run, source, device, observe, micro_batches, state_file)
        except torch.OutOfMemoryError:
            if micro_batches >= run.training.batch:
                raise
        torch.cuda.empty_cache()  # after the handler: inside it the exception still holds the memory of the attempt
        micro_batches = min(2 * micro_batches, run.training.batch)


def _fit(
    run: RunSpec,
    source: ClipSource,
    device: torch.device,
    observe: Observe,
    micro_batches: int,
    state_file: Path | None,
) -> Trained:
    training = run.training
    model = initial_model(run, device)
    if not run.model.trainable:
        return Trained(model, pd.DataFrame(columns=CURVE_COLUMNS), diverged=False)
    optimizer = training.optimizer.build(model.parameters())
    objective = training.scheme.build(run.loss.build())
    draws = torch.Generator().manual_seed(derive(run.seed, "scheduled_sampling"))
    curve = LossCurve(run, source, device, observe)
    learning, state = Learning(model, optimizer, draws, curve), TrainingState(state_file, run, micro_batches, device)
    steps_before = state.resume(learning)
    stream = batches(source, training.scheme.frames_needed, training.batch, run.seed, device, start=steps_before)
    pixels = training.steps * training.batch * training.scheme.frames_needed * run.data.frame_size**2
    for step in range(steps_before + 1, training.steps + 1):
        clips = as_video(next(stream))
        progress = (step - 1) / max(training.steps - 1, 1)
        optimizer.zero_grad()
        losses = []
        for micro_batch in clips.chunk(micro_batches):
            with compiled_gates(is_worth_compiling(pixels)), autocast(training, device):
                loss = len(micro_batch) / len(clips) * objective(model, micro_batch, progress, draws)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            losses.append(loss.detach())
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
        optimizer.step()
        if not curve.add(step, torch.stack(losses).sum(), model):
            break
        state.save_if_due(step, learning)
    return Trained(model.eval(), curve.table(), curve.diverged, micro_batches, steps_before, state.earlier_seconds)


def initial_model(run: RunSpec, device: torch.device) -> Forecaster:
    """Return the run's model with the initial weights of its seed, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(run.seed, "weights"))  # noqa: TID251  # layers draw from torch's global state
        model: Forecaster = run.model.build()
    return model.to(device)


def choose_device(training: Training) -> torch.device:
    """Return the device of the run; "auto" is CUDA if available, else Apple's MPS, else the CPU."""
    if training.device != "auto":
        return torch.device(training.device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(training: Training, device: torch.device) -> AbstractContextManager[object]:
    """Return a context with the arithmetic of the run's precision; on a CPU it is always float32.

    On CPUs, bfloat16 convolutions with even kernels are wrong or slow (pytorch#163347, #183815).
    """
    if device.type != "cuda":
        return nullcontext()
    torch.set_float32_matmul_precision("highest" if training.precision == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = training.precision != "float32"
    return torch.autocast("cuda", torch.bfloat16, enabled=training.precision == "bfloat16")
