"""The loss over the optimization steps, on training batches and on held-out clips."""

import math
import time
from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor

from ablate.components.data.batches import as_video
from ablate.components.data.source import ClipSource
from ablate.components.models.batch_statistics import lacks_statistics, statistics
from ablate.components.models.forecaster import Forecaster
from ablate.components.models.specs import Statistics
from ablate.core.seeds import derive
from ablate.storage.records import CURVE_COLUMNS
from ablate.study import RunSpec

Observe = Callable[[int, float, float], None]
"""Told the optimization step, the training loss, and the held-out loss (NaN between two points of the curve)."""

GLANCE_SECONDS = 0.5  # reading a loss waits for the GPU, so between two points of the curve it is done seldom


class LossCurve:
    """A point every `report_every` steps: mean training loss since the last point, and held-out loss now."""

    def __init__(self, run: RunSpec, source: ClipSource, device: torch.device, observe: Observe) -> None:
        self.diverged = False
        self._run, self._observe = run, observe
        training = run.training
        self._objective = training.scheme.build(run.loss.build())
        held_out = source.held_out(training.batch, training.scheme.frames_needed)
        self._held_out = as_video(torch.from_numpy(held_out).to(device))
        self._points: list[tuple[int, float, float]] = []
        self._since: list[Tensor] = []
        self._glanced = time.monotonic()

    def add(self, step: int, loss: Tensor, model: Forecaster) -> bool:
        """Take the loss of one step; False where it, or a mean of the last steps, is not finite."""
        training = self._run.training
        self._since.append(loss)
        if step % training.report_every == 0 or step == training.steps:
            mean = torch.stack(self._since).mean().item()
            self.diverged = not math.isfinite(mean) or not _finite(model)
            self._points.append((step, mean, math.nan if self.diverged else self._held_out_loss(model)))
            self._since.clear()
            self._observe(*self._points[-1])
        elif time.monotonic() - self._glanced > GLANCE_SECONDS:
            self._glanced = time.monotonic()
            self._observe(step, loss.item(), math.nan)
        return not self.diverged

    def so_far(self) -> tuple[list[tuple[int, float, float]], list[Tensor]]:
        """Return the points, and the training losses since the last of them."""
        return list(self._points), list(self._since)

    def resume(self, points: Sequence[tuple[int, float, float]], since: Sequence[Tensor]) -> None:
        """Go on from what `so_far` returned; whoever observes is told the points once more."""
        self._points, self._since = list(points), list(since)
        for point in self._points:
            self._observe(*point)

    def table(self) -> pd.DataFrame:
        """Return the points so far (columns of CURVE_COLUMNS)."""
        return pd.DataFrame(self._points, columns=CURVE_COLUMNS)

    @torch.no_grad()
    def _held_out_loss(self, model: Forecaster) -> float:
        draws = torch.Generator().manual_seed(derive(0, "scheduled_sampling"))
        early: Statistics | None = "batch" if lacks_statistics(model) else None  # they are recomputed after training
        with statistics(model.eval(), early):
            loss = self._objective(model, self._held_out, 1.0, draws)
        model.train()
        return loss.item()


def _finite(model: Forecaster) -> bool:
    return all(bool(parameter.isfinite().all()) for parameter in model.parameters())
