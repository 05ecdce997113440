"""One run's training, in reading order: weights, batch, loss, gradient, step, curve."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from ablate.components.data.batches import as_video, batches
from ablate.components.data.source import ClipSource
from ablate.components.models.fast.fusion import fused
from ablate.components.models.forecaster import Forecaster
from ablate.components.schemes import Scheme
from ablate.core.seeds import derive
from ablate.core.tensors import Video
from ablate.storage.records import CURVE_COLUMNS
from ablate.study import Adam, RunSpec, Training
from ablate.training.loss_curve import LossCurve, Observe
from ablate.training.resume import Learning, TrainingState

COMPILING_PAYS = 10_000_000
"""Pixels, over all frames and steps, from which compiled gates are worth their some ten seconds."""


@dataclass(frozen=True)
class Trained:
    """A model after its last step, and the way there (columns of CURVE_COLUMNS).

    `pieces` is how many parts each batch was cut into to fit in memory. Where an earlier attempt was taken up,
    `resumed_after` are the steps it had taken, and `earlier_seconds` what they took.
    """

    model: Forecaster
    curve: pd.DataFrame
    diverged: bool
    pieces: int = 1
    resumed_after: int = 0
    earlier_seconds: float = 0.0


def fit(run: RunSpec, source: ClipSource, device: torch.device, observe: Observe, kept: Path | None = None) -> Trained:
    """Train the run's model; every random draw comes from the run's seed.

    A loss or weight that is not finite ends the training: the run diverged. Where a GPU's memory does not hold a
    batch, the training begins anew with each batch cut into twice as many pieces, whose gradients are added up.
    `kept` is a file from which a training that was cut off goes on.
    """
    pieces = 1
    while True:
        try:
            return _fit(run, source, device, observe, pieces, kept)
        except torch.OutOfMemoryError:
            if pieces >= run.training.batch:
                raise
        torch.cuda.empty_cache()  # outside the handler, where nothing of the attempt is alive any more
        pieces = min(2 * pieces, run.training.batch)


def _fit(
    run: RunSpec, source: ClipSource, device: torch.device, observe: Observe, pieces: int, kept: Path | None
) -> Trained:
    training = run.training
    scheme: Scheme = training.scheme
    model = initial_model(run, device)
    if not run.model.trainable:
        return Trained(model, pd.DataFrame(columns=CURVE_COLUMNS), diverged=False)
    optimizer = _adam(model, training.optimizer)
    draws = torch.Generator().manual_seed(derive(run.seed, "scheduled_sampling"))
    curve = LossCurve(run, source, device, observe)
    learning, state = Learning(model, optimizer, draws, curve), TrainingState(kept, run, pieces, device)
    done = state.resume(learning)
    stream = batches(source, scheme.frames_needed, training.batch, run.seed, device, start=done)
    for step in range(done + 1, training.steps + 1):
        clips = as_video(next(stream))
        progress = (step - 1) / max(training.steps - 1, 1)
        optimizer.zero_grad()
        parts = [_backward(run, model, part, progress, draws, len(part) / len(clips)) for part in clips.chunk(pieces)]
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
        optimizer.step()
        if not curve.add(step, torch.stack(parts).sum(), model):
            break
        state.keep(step, learning)
    return Trained(model.eval(), curve.table(), curve.diverged, pieces, done, state.earlier_seconds)


def _backward(
    run: RunSpec, model: Forecaster, clips: Video, progress: float, draws: torch.Generator, weight: float
) -> Tensor:
    """Add the gradient of the clips' loss, times their weight in the batch, and return that loss."""
    scheme: Scheme = run.training.scheme
    with fused(_worth_compiling(run)), autocast(run.training, clips.device):
        loss = weight * scheme.loss(model, clips, run.loss, progress, draws)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return loss.detach()


def initial_model(run: RunSpec, device: torch.device) -> Forecaster:
    """Build the run's model with the weights of its seed, whatever else was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(run.seed, "weights"))  # noqa: TID251  # layers draw from torch's global state
        model: Forecaster = run.model.build()
    return model.to(device)


def _worth_compiling(run: RunSpec) -> bool:
    """Tell whether the training is long enough to earn back the seconds that compiling the gates takes.

    It depends on nothing but the run, so that a run's numbers do not depend on what ran before it.
    """
    pixels = run.training.steps * run.training.batch * run.training.scheme.frames_needed * run.data.frame_size**2
    return pixels >= COMPILING_PAYS


def choose_device(training: Training) -> torch.device:
    """Return the device the run asks for; "auto" takes CUDA, then Apple's MPS, then the CPU."""
    if training.device != "auto":
        return torch.device(training.device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def autocast(training: Training, device: torch.device) -> AbstractContextManager[object]:
    """Return the arithmetic of the run's precision; on a CPU it is always float32.

    bfloat16 convolutions with even kernels are wrong or slow on CPUs (pytorch#163347, #183815).
    """
    if device.type != "cuda":
        return nullcontext()
    torch.set_float32_matmul_precision("highest" if training.precision == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = training.precision != "float32"
    return torch.autocast("cuda", torch.bfloat16, enabled=training.precision == "bfloat16")


def _adam(model: Forecaster, adam: Adam) -> torch.optim.Adam:
    return torch.optim.Adam(model.parameters(), lr=adam.learning_rate, betas=(adam.beta1, adam.beta2), eps=adam.epsilon)
