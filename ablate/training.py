"""One run's training, in reading order: weights, batch, loss, gradient, step, curve."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import pandas as pd
import torch

from ablate.data.batches import as_video, batches
from ablate.data.source import ClipSource
from ablate.loss_curve import LossCurve, Observe
from ablate.models.forecaster import Forecaster
from ablate.models.fusion import fused
from ablate.records import CURVE_COLUMNS
from ablate.schemes import Scheme
from ablate.seeds import derive
from ablate.spec import Adam, RunSpec, Training

COMPILING_PAYS = 10_000_000
"""Pixels, over all frames and steps, from which compiled gates are worth their some ten seconds."""


@dataclass(frozen=True)
class Trained:
    """A model after its last step, and the way there (columns of CURVE_COLUMNS)."""

    model: Forecaster
    curve: pd.DataFrame
    diverged: bool


def fit(run: RunSpec, source: ClipSource, device: torch.device, observe: Observe) -> Trained:
    """Train the run's model; every random draw comes from the run's seed.

    A loss or weight that is not finite ends the training: the run diverged.
    """
    training = run.training
    scheme: Scheme = training.scheme
    model = initial_model(run, device)
    if not run.model.trainable:
        return Trained(model, pd.DataFrame(columns=CURVE_COLUMNS), diverged=False)
    optimiser = _adam(model, training.optimiser)
    stream = batches(source, scheme.frames_needed, training.batch, run.seed, device)
    draws = torch.Generator().manual_seed(derive(run.seed, "scheduled_sampling"))
    curve = LossCurve(run, source, device, observe)
    for step in range(1, training.steps + 1):
        clips = as_video(next(stream))
        with fused(_worth_compiling(run)), autocast(training, device):
            progress = (step - 1) / max(training.steps - 1, 1)
            loss = scheme.loss(model, clips, run.loss, progress, draws)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip_norm)
        optimiser.step()
        if not curve.add(step, loss.detach(), model):
            break
    return Trained(model.eval(), curve.table(), curve.diverged)


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
    pixels = run.training.steps * run.training.batch * run.training.scheme.frames_needed * run.data.canvas**2
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
