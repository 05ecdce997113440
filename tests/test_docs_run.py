"""The blocks of code in README and the docs run, in a folder that has what they name, at a smaller size."""

import os
import runpy
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ruamel.yaml import YAML

from tests.doc_blocks import ROOT, blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SMALL = {
    "steps": 2,
    "batch": 2,
    "report_every": 1,
}  # the commands are the same; training longer would test nothing more
LOSS = {"loss": [{"kind": "bce"}, {"kind": "mse"}]}  # one factor, so that the two studies take a minute
ELSEWHERE = {
    "ablate ui studies/quick.yaml": "tests/test_ui.py, since it serves until Ctrl-C",
    "ablate run studies/quick.yaml": "the fixture below, once for all blocks",
}
TESTED_ELSEWHERE = "docs/python.md"  # tests/test_python.py runs the whole page in one go
BLOCKS = [block for block in blocks() if block.reason is None and block.page != TESTED_ELSEWHERE]
COMMANDS = [shlex.join(command) for block in BLOCKS for command in block.commands if command[0] == "ablate"]

MODEL = """
import torch


class PerFrame(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, frames):
        return torch.sigmoid(self.convolution(frames.flatten(0, 1))).reshape(frames.shape)


def build():
    return PerFrame()
"""
KERAS_MODEL = """
import keras

frames = keras.Input((None, 64, 64, 1))
guess = keras.layers.Conv3D(1, (1, 3, 3), padding="same", activation="sigmoid")(frames)  # frame by frame, so quick
keras.Model(frames, guess).save("model.keras")
"""


def ablate(folder, *words):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ablate", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def small(text):
    study = YAML(typ="safe").load(text)
    study["base"]["training"] |= SMALL
    study["base"]["evaluation"] |= {"clips": 4}
    return study | {"probes": "none"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with two finished studies, and with every file that a block names."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(ROOT / "studies", folder / "studies")
    text = (ROOT / "studies" / "quick.yaml").read_text()
    quick = small(text) | {"seeds": 6, "factors": LOSS}  # with fewer, a study of two cells cannot decide anything
    YAML(typ="safe").dump(quick, folder / "studies" / "quick.yaml")
    grown = small(text) | {"name": "grown", "factors": LOSS, "seeds": {"from": 6, "to": 7}}
    YAML(typ="safe").dump(grown, folder / "study.yaml")
    for study in ("studies/quick.yaml", "study.yaml"):
        done = ablate(folder, "run", study)
        assert done.returncode == 0, done.stderr
    _write_arrays(folder)
    _write_table(folder)
    _write_models(folder)
    run = next((folder / "mlruns" / "studies" / "quick" / "runs").glob("*/record.json")).parent
    exported = ablate(folder, "export", "model", run.name, "FOLDER")
    assert exported.returncode == 0, exported.stderr
    return folder


def _write_arrays(folder):
    draws = np.random.default_rng(0)
    for name, steps in {"p": 5, "y": 5, "h": 4}.items():
        np.save(folder / f"{name}.npy", draws.random((3, steps, 32, 32)).astype(np.float32))


def _write_table(folder):
    draws = np.random.default_rng(0)
    rows = [
        f"{kernel},{activation},{norm},{seed},{draws.normal(kernel):.3f}"
        for kernel in (1, 3)
        for activation in ("tanh", "relu")
        for norm in ("none", "layer")
        for seed in range(6)
    ]
    (folder / "runs.csv").write_text("\n".join(["kernel,activation,norm,seed,ghost_ratio", *rows]) + "\n")


def _write_models(folder):
    import torch  # noqa: PLC0415  # takes seconds, and only these tests need it

    (folder / "my_model.py").write_text(MODEL)
    network = runpy.run_path(str(folder / "my_model.py"))["build"]()
    torch.save(network.state_dict(), folder / "w.pt")
    environment = os.environ | {"KERAS_BACKEND": "torch"}  # Keras reads it when it is imported
    subprocess.run([sys.executable, "-c", KERAS_MODEL], cwd=folder, env=environment, check=True)


@pytest.mark.parametrize(
    "command", [command for command in dict.fromkeys(COMMANDS) if command not in ELSEWHERE], ids=str
)
def test_a_command_runs(folder, command):
    done = ablate(folder, *shlex.split(command)[1:])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=str)
def test_a_block_of_python_runs(folder, block):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    (folder / "block.py").write_text(block.text)
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", "block.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("zensical", reason="pip install -c constraints.txt -e '.[docs]'")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)  # zensical writes beside the file that a link leads to
    for name in ("docs", "ablate"):
        shutil.copytree(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "site" / "index.html").exists()
