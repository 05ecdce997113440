import pytest
import torch

from ablate.components.models import ConvLSTM
from ablate.components.models.specs import BatchNormalization
from ablate.diagnosis.probes.probe import Subject
from ablate.diagnosis.probes.train_forecast_gap import NormalizationStatistics

WORDS = {
    "moving": "the moving averages of training",
    "batch": "the statistics of the present batch",
    "recomputed": "averages recomputed after training",
}


def asked(own, *, training):
    """Return the finding on a net whose own choice of statistics this is."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # noqa: TID251  # layers draw from torch's global state
        spec = BatchNormalization(statistics=own)
        net = ConvLSTM(layers=1, filters=2, kernel_size=3, normalization=spec).build().eval()
        clips = torch.rand(4, 5, 1, 12, 12)
    return NormalizationStatistics().apply(Subject(net, clips, 3, 2, clips if training else None))


@pytest.mark.parametrize("own", ["moving", "batch"])
def test_a_net_is_tried_with_every_statistics_but_its_own_choice(own):
    finding = asked(own, training=True)
    assert finding.numbers["own_choice"] == own
    assert {change.condition for change in finding.changes} == {WORDS[other] for other in WORDS if other != own}


def test_without_training_clips_nothing_is_recomputed():
    finding = asked("moving", training=False)
    assert {change.condition for change in finding.changes} == {WORDS["batch"]}
