"""The state of a training on disk, from which an interrupted training continues."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch

import ablate
from ablate.components.models.forecaster import Forecaster
from ablate.storage.atomic import whole_file
from ablate.study import RunSpec
from ablate.training.loss_curve import LossCurve

SAVE_SECONDS = 60.0  # between two writes: at most that much work is lost, and a short training never writes


@dataclass(frozen=True)
class Learning:
    """Everything that an optimization step changes. The number of the step determines the batch."""

    model: Forecaster
    optimizer: torch.optim.Optimizer
    draws: torch.Generator
    curve: LossCurve


@final
class TrainingState:
    """The file with the state of one training; with `file` None nothing is stored.

    The training starts from the beginning if the file is damaged, or was written by another run, another version or
    another kind of device. The file holds plain values and tensors; reading it executes no code.
    """

    def __init__(self, file: Path | None, run: RunSpec, micro_batches: int, device: torch.device) -> None:
        self._file, self._device = file, device
        self._origin = {
            "run": run.identity(),
            "pieces": micro_batches,
            "device": device.type,
            "ablate": ablate.__version__,
            "torch": str(torch.__version__),
        }
        self._saved = self._started = time.monotonic()
        self.earlier_seconds = 0.0

    def resume(self, learning: Learning) -> int:
        """Load the stored state, and return its number of steps; 0 if there is no valid state."""
        state = self._load()
        if state is None:
            return 0
        learning.model.load_state_dict(state["model"])
        learning.optimizer.load_state_dict(state["optimizer"])
        learning.draws.set_state(state["draws"].cpu())
        learning.curve.resume(state["points"], state["since"])
        self.earlier_seconds = state["seconds"]
        step: int = state["step"]
        return step

    def save_if_due(self, step: int, learning: Learning) -> None:
        """Write the state after a step, unless the last write is less than SAVE_SECONDS ago."""
        if self._file is None or time.monotonic() - self._saved < SAVE_SECONDS:
            return
        points, recent_losses = learning.curve.state()
        state = {
            "of": self._origin,
            "step": step,
            "seconds": self.earlier_seconds + time.monotonic() - self._started,
            "model": learning.model.state_dict(),
            "optimizer": learning.optimizer.state_dict(),
            "draws": learning.draws.get_state(),
            "points": points,
            "since": recent_losses,
        }
        with whole_file(self._file) as path:
            torch.save(state, path)
        self._saved = time.monotonic()

    def _load(self) -> Mapping[str, Any] | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            state = torch.load(self._file, map_location=self._device, weights_only=True)
        except Exception:  # noqa: BLE001  # for damaged files torch raises errors of any class
            return None
        return state if isinstance(state, dict) and state.get("of") == self._origin else None
