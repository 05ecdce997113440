"""A checkpoint from anybody, to `ablate probe` and `ablate diagnose`: read, or refused in words; it runs no code."""

import contextlib
import io
import pickle
import zipfile

import pytest
import torch
from hypothesis import given

from ablate.core.errors import AblateError
from ablate.storage.paths import RunPaths
from ablate.study import study_file
from ablate.training.checkpoint import plain_weights
from ablate.training.fit import initial_model
from tests.contained import ablate, assert_refused
from tests.mutation import GENTLY, mutated


class Code:
    """Leaves a file where it is unpickled."""

    def __reduce__(self):
        return (open, ("ran", "w"))


def saved(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def compressed(content):
    """Pack a checkpoint anew, its numbers so that they take next to no room."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    return file.getvalue()


MEMORY = {"weight": torch.zeros(1).expand(10**6, 10**6)}
FILES = {
    "code": saved({"weight": Code()}),
    "old code": saved({"weight": Code()}, _use_new_zipfile_serialization=False),
    "pickle": pickle.dumps(Code()),
    "a module": saved(torch.nn.Conv2d(1, 1, 1)),
    "a list": saved([torch.zeros(1)]),
    "names that are none": saved({1: torch.zeros(1)}),
    "numbers": saved({"weight": 1.0}),
    "a claim": saved(MEMORY),
    "an old claim": saved(MEMORY, _use_new_zipfile_serialization=False),
    "no numbers at all": saved({"weight": torch.zeros(2, device="meta")}),
    "a bomb": compressed(saved({"weight": torch.zeros(10_000_000)})),
    "nothing": b"",
    "half": saved({"weight": torch.zeros(1000)})[:2000],
}


@pytest.fixture
def run_folder(tmp_path, small_run):
    """A folder with the description of a run, and its checkpoint yet to be written."""
    paths = RunPaths(tmp_path / "here")
    paths.folder.mkdir()
    paths.run_yaml.write_text(study_file.dump(small_run))
    return paths


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_checkpoint_is_refused_within_bounded_memory(run_folder, name):
    run_folder.checkpoint.write_bytes(FILES[name])
    assert_refused("probe", "checkpoint.pt", cwd=run_folder.folder)


@pytest.mark.parametrize("name", FILES)
def test_weights_for_ones_own_model_are_refused_likewise(tmp_path, name):
    here = tmp_path / "here"
    here.mkdir()
    (here / "model.py").write_text("import torch\n\ndef build():\n    return torch.nn.Conv3d(1, 1, 1)\n")
    (here / "w.pt").write_bytes(FILES[name])
    assert_refused("diagnose", "model.py:build", "--checkpoint", "w.pt", cwd=here)


@pytest.mark.parametrize("run", ["model: {layers: 1000000000}", "model: {kind: convlstm, filters: 4096}", "", "a: !!x"])
def test_a_description_of_a_run_that_is_none_is_refused_within_bounded_memory(run_folder, run):
    run_folder.checkpoint.write_bytes(saved({"weight": torch.zeros(2)}))
    run_folder.run_yaml.write_text(run)
    assert_refused("probe", "checkpoint.pt", cwd=run_folder.folder)


@pytest.mark.parametrize("factor", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers_are_refused(run_folder, small_run, factor):
    weights = initial_model(small_run, torch.device("cpu")).state_dict()
    run_folder.checkpoint.write_bytes(saved({name: value * factor for name, value in weights.items()}))
    done = assert_refused("probe", "checkpoint.pt", "--clips", 2, cwd=run_folder.folder, megabytes=4_000)
    assert "forecasts NaN" in done.stderr


def test_weights_that_are_giant_numbers_are_questioned(run_folder, small_run):
    weights = initial_model(small_run, torch.device("cpu")).state_dict()
    run_folder.checkpoint.write_bytes(saved({name: value * 1e30 for name, value in weights.items()}))
    done = ablate("probe", "checkpoint.pt", "--clips", 2, cwd=run_folder.folder, megabytes=4_000)
    assert done.returncode in (0, 2), done.stderr
    assert "unexpected" not in done.stderr


@GENTLY
@given(mutated(saved({"weight": torch.zeros(2)})))
def test_a_checkpoint_of_any_bytes_is_read_or_refused(tmp_path, content):
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(content)
    with contextlib.suppress(AblateError):
        plain_weights(file)
