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
"""Is called with optimization step, training loss and held-out loss (NaN between two points of the curve)."""

PROGRESS_SECONDS = 0.5  # between two progress reports: reading a loss waits for the GPU


class LossCurve:
    """A point every `report_every` steps: mean training loss since the previous point, and current held-out loss."""

    def __init__(self, run: RunSpec, source: ClipSource, device: torch.device, observe: Observe) -> None:
        self.diverged = False
        self._run, self._observe = run, observe
        training = run.training
        self._objective = training.scheme.build(run.loss.build())
        held_out = source.held_out(training.batch, training.scheme.frames_needed)
        self._held_out = as_video(torch.from_numpy(held_out).to(device))
        self._points: list[tuple[int, float, float]] = []
        self._recent_losses: list[Tensor] = []
        self._last_progress = time.monotonic()

    def add(self, step: int, loss: Tensor, model: Forecaster) -> bool:
        """Record the loss of one step. Return False if the mean loss since the last point or a weight is not finite."""
        training = self._run.training
        self._recent_losses.append(loss)
        if step % training.report_every == 0 or step == training.steps:
            mean = torch.stack(self._recent_losses).mean().item()
            self.diverged = not math.isfinite(mean) or not _has_finite_weights(model)
            self._points.append((step, mean, math.nan if self.diverged else self._held_out_loss(model)))
            self._recent_losses.clear()
            self._observe(*self._points[-1])
        elif time.monotonic() - self._last_progress > PROGRESS_SECONDS:
            self._last_progress = time.monotonic()
            self._observe(step, loss.item(), math.nan)
        return not self.diverged

    def state(self) -> tuple[list[tuple[int, float, float]], list[Tensor]]:
        """Return the points, and the training losses since the last point."""
        return list(self._points), list(self._recent_losses)

    def resume(self, points: Sequence[tuple[int, float, float]], recent_losses: Sequence[Tensor]) -> None:
        """Continue from what `state` returned; the observer is called with all points again."""
        self._points, self._recent_losses = list(points), list(recent_losses)
        for point in self._points:
            self._observe(*point)

    def table(self) -> pd.DataFrame:
        """Return the points so far (columns of CURVE_COLUMNS)."""
        return pd.DataFrame(self._points, columns=CURVE_COLUMNS)

    @torch.no_grad()
    def _held_out_loss(self, model: Forecaster) -> float:
        draws = torch.Generator().manual_seed(derive(0, "scheduled_sampling"))
        # "recomputed" statistics exist only after the training
        during_training: Statistics | None = "batch" if lacks_statistics(model) else None
        with statistics(model.eval(), during_training):
            loss = self._objective(model, self._held_out, 1.0, draws)
        model.train()
        return loss.item()


def _has_finite_weights(model: Forecaster) -> bool:
    return all(bool(parameter.isfinite().all()) for parameter in model.parameters())
