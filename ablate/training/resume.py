"""How far a training has come, kept on disk while it trains, so that one that was cut off goes on from there."""

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

SAVE_SECONDS = 60.0
"""So much work is lost at most; a short training never writes."""


@dataclass(frozen=True)
class Learning:
    """What every optimization step changes. The batches follow from the number of the step."""

    model: Forecaster
    optimizer: torch.optim.Optimizer
    draws: torch.Generator
    curve: LossCurve


@final
class TrainingState:
    """A file that holds one training up to some step; `file` None keeps nothing.

    What another run, another version or another kind of device left there counts for nothing, as does a damaged
    file: the training then begins anew. The file holds plain values and tensors, and is read as such only.
    """

    def __init__(self, file: Path | None, run: RunSpec, micro_batches: int, device: torch.device) -> None:
        self._file, self._device = file, device
        self._of = {
            "run": run.identity(),
            "pieces": micro_batches,
            "device": device.type,
            "ablate": ablate.__version__,
            "torch": str(torch.__version__),
        }
        self._saved = self._started = time.monotonic()
        self.earlier_seconds = 0.0

    def resume(self, learning: Learning) -> int:
        """Take up what is kept, and return the number of steps taken already."""
        found = self._found()
        if found is None:
            return 0
        learning.model.load_state_dict(found["model"])
        learning.optimizer.load_state_dict(found["optimizer"])
        learning.draws.set_state(found["draws"].cpu())
        learning.curve.resume(found["points"], found["since"])
        self.earlier_seconds = found["seconds"]
        step: int = found["step"]
        return step

    def keep(self, step: int, learning: Learning) -> None:
        """Write the state after a step, if the last time is long enough ago."""
        if self._file is None or time.monotonic() - self._saved < SAVE_SECONDS:
            return
        points, since = learning.curve.so_far()
        state = {
            "of": self._of,
            "step": step,
            "seconds": self.earlier_seconds + time.monotonic() - self._started,
            "model": learning.model.state_dict(),
            "optimizer": learning.optimizer.state_dict(),
            "draws": learning.draws.get_state(),
            "points": points,
            "since": since,
        }
        with whole_file(self._file) as path:
            torch.save(state, path)
        self._saved = time.monotonic()

    def _found(self) -> Mapping[str, Any] | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            found = torch.load(self._file, map_location=self._device, weights_only=True)
        except Exception:  # noqa: BLE001  # torch meets damaged files with errors of any class
            return None
        return found if isinstance(found, dict) and found.get("of") == self._of else None
