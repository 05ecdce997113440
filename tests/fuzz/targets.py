"""What is fuzzed: a reader, the name that its file has, and files that it takes."""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ablate.inference.tables import Columns, read_runs
from ablate.measurement.scoring.forecast_files import read_forecasts
from ablate.study import study_file
from ablate.training.checkpoint import plain_weights

STUDIES = Path(__file__).parents[2] / "studies"
TABLE = "kernel,norm,seed,ghost\n1,none,0,0.5\n3,none,0,0.1\n1,batch,0,0.4\n3,batch,0,0.2\n"


@dataclass(frozen=True)
class Target:
    """A reader that may raise AblateError and nothing else."""

    name: str
    read: Callable[[Path], object]
    seeds: Callable[[], Iterable[bytes]]


def _studies() -> Iterable[bytes]:
    yield b"name: a\nquestion: b?\nfactors: {model.layers: [1, 2]}\nseeds: 2\n"
    yield from (file.read_bytes() for file in sorted(STUDIES.glob("*.yaml")))


def _arrays() -> Iterable[bytes]:
    for array in (np.zeros((1, 2, 11, 11), np.float32), np.zeros((1, 1, 11, 11, 1), np.uint8)):
        file = io.BytesIO()
        np.save(file, array)
        yield file.getvalue()


def _checkpoints() -> Iterable[bytes]:
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, file)
    yield file.getvalue()


DICTIONARIES = "state,seed,ghost,config\n" + "".join(
    f"{state},{seed},0.{seed},\"{{'kernel': {seed % 2}, 'norm': 'a{seed // 2}'}}\"\n"
    for seed, state in enumerate(["FAIL", "COMPLETE", "COMPLETE", "PRUNED", "COMPLETE"])
)
COMMAS = TABLE.replace(",", ";").replace(".", ",")


def _tables() -> Iterable[bytes]:
    yield from (table.encode() for table in (TABLE, DICTIONARIES, COMMAS))


COLUMNS = Columns(response="ghost", factors=("kernel", "norm"), block="seed")
TARGETS = {
    "study": Target("study.yaml", study_file.load, _studies),
    "array": Target("p.npy", lambda file: read_forecasts(file, file, None, step_first=False), _arrays),
    "table": Target("runs.csv", lambda file: read_runs(file, COLUMNS), _tables),
    "checkpoint": Target("checkpoint.pt", plain_weights, _checkpoints),
}
