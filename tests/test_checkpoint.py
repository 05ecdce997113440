import pickle
from typing import Any

import pytest
import torch

from ablate.core.errors import DataError
from ablate.storage.paths import RunPaths
from ablate.study import changed
from ablate.study.study_file import dump
from ablate.training.checkpoint import restore
from ablate.training.fit import initial_model

CPU = torch.device("cpu")


@pytest.fixture
def trained(tmp_path, small_run):
    """Return (paths, run, model) of a run whose folder holds run.yaml and checkpoint.pt."""

    def make(run=small_run):
        paths, model = RunPaths(tmp_path), initial_model(run, CPU)
        paths.run_yaml.write_text(dump(run))
        torch.save(model.state_dict(), paths.checkpoint)
        return paths, run, model

    return make


def test_a_restored_model_forecasts_as_the_saved_one(trained):
    paths, _, model = trained()
    frames = torch.rand(2, 4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(restore(paths)[1].forecast(frames, 3), model.forecast(frames, 3))


def test_a_restored_run_is_the_one_that_was_saved(trained, small_run):
    paths, run, _ = trained(changed(small_run, {"seed": 7}))
    assert restore(paths)[0] == run


def test_a_restored_model_is_in_inference_mode(trained):
    assert not restore(trained()[0])[1].training


def test_recomputed_statistics_come_back(trained, small_run):
    batch = {"model.normalization": {"kind": "batch", "statistics": "recomputed"}}
    paths, _, model = trained(changed(small_run, batch))
    model.norms[0].set_recomputed(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    torch.save(model.state_dict(), paths.checkpoint)
    restored: Any = restore(paths)[1]  # its norms are those of a ConvLSTM
    norm = restored.norms[0]
    assert norm.recomputed_mean.tolist() == [1, 2]
    assert not norm.never_recomputed


class Anything:
    """A class that only pickle can restore."""


def damaged(paths):
    paths.checkpoint.write_bytes(paths.checkpoint.read_bytes()[:100])


def pickled(paths):
    paths.checkpoint.write_bytes(pickle.dumps(Anything(), protocol=2))


def no_names(paths):
    torch.save([torch.zeros(1)], paths.checkpoint)


def of_another_model(paths):
    torch.save({"kernel": torch.zeros(1)}, paths.checkpoint)


def without_weights(paths):
    paths.checkpoint.unlink()


def without_its_run(paths):
    paths.run_yaml.unlink()


def with_a_broken_run(paths):
    paths.run_yaml.write_text(paths.run_yaml.read_text().replace("filters: 2", "filters: two"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (damaged, "checkpoint.pt: no checkpoint of plain weights"),
        (pickled, "checkpoint.pt: no checkpoint of plain weights"),
        (no_names, "checkpoint.pt: found no mapping of names to tensors"),
        (of_another_model, "checkpoint.pt: not of the model in"),
        (without_weights, "checkpoint.pt: there is no such file"),
        (without_its_run, "run.yaml: there is no such file"),
        (with_a_broken_run, "model.filters"),
    ],
)
def test_the_error_names_the_file_that_cannot_be_restored(trained, harm, message):
    paths = trained()[0]
    harm(paths)
    with pytest.raises(DataError) as caught:
        restore(paths)
    assert message in str(caught.value)
