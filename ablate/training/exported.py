"""A trained network as a module of one input and one output, for programs that know nothing of this project."""

from dataclasses import dataclass

import torch
from torch import nn

from ablate.components.data.batches import as_video
from ablate.components.models.forecaster import Forecaster
from ablate.core.tensors import Forecast, Video
from ablate.storage.paths import RunPaths
from ablate.study import RunSpec
from ablate.training.checkpoint import restore

CLIPS = 2  # torch.export takes a batch of one clip for a constant
OTHER_CLIPS = 3  # of the check: a batch of another size than the one that was exported


class FixedForecast(nn.Module):
    """Forecasts a fixed number of frames: the rollout of a trained network as `forward`."""

    def __init__(self, model: Forecaster, horizon: int) -> None:
        super().__init__()
        self.model, self.horizon = model, horizon

    def forward(self, history: Video) -> Forecast:
        """Return the `horizon` frames after `history`, in [0, 1]."""
        return self.model.forecast(history, self.horizon)


@dataclass(frozen=True)
class ExportedNetwork:
    """A trained network, and histories of held-out clips: CLIPS as its example, OTHER_CLIPS for a check."""

    run: RunSpec
    module: FixedForecast
    histories: Video

    @property
    def example(self) -> Video:
        """The histories with which the network is exported."""
        return self.histories[:CLIPS]

    @property
    def unseen(self) -> Video:
        """Further histories, a batch of another size."""
        return self.histories[CLIPS:]


def exported_network(paths: RunPaths) -> ExportedNetwork:
    """Return the trained network of a run, on the CPU and in inference mode.

    Raises DataError where there is none, or the data of its evaluation is not there.
    """
    run, model = restore(paths)
    source, evaluation = run.data.build(run.seed), run.evaluation
    frames = source.held_out(CLIPS + OTHER_CLIPS, evaluation.context)
    module = FixedForecast(model, evaluation.horizon).eval()
    return ExportedNetwork(run, module, as_video(torch.from_numpy(frames)))
