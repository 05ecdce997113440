"""Runs per hour of a study, and the share of tracking: `python -m benchmarks.throughput [STUDY.yaml]`.

Executes the study (studies/quick.yaml) twice, in separate stores: with `ablate run`, and in one process with two
threads that executes one run after the other. In the second, the layers are replaced by the cell that concatenates
input and state and convolves once per step. Training, evaluation, pictures and files are the same; only `ablate run`
tracks. Then the runs of the first store are written to a new MLflow store, and each is timed.
"""

import argparse
import logging
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from rich.console import Console
from torch import Tensor

from ablate.components.models.activation import ACTIVATIONS
from ablate.components.models.convlstm_layer import ConvLSTMLayer, Features, Hidden
from ablate.components.models.convolution import same_conv2d
from ablate.components.models.tap import CellState
from ablate.execution.tracking.mlflow import MLflowTracker
from ablate.execution.train_and_score import carry_out
from ablate.storage.paths import RunPaths, Store
from ablate.storage.records import RunRecord
from ablate.study import StudySpec
from ablate.study.study_file import load

STUDY = Path("studies/quick.yaml")
HOUR = 3600


def main() -> None:
    """Print runs per hour of both, their ratio, and milliseconds and share of tracking."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path, default=STUDY, help=f"study file ({STUDY})")
    parser.add_argument("--plain", metavar="FOLDER", type=Path, help=argparse.SUPPRESS)  # the second process
    arguments = parser.parse_args()
    study = load(arguments.study)
    if arguments.plain:
        _run_plainly(study, arguments.plain)
        return
    with TemporaryDirectory() as folder:
        ours = _seconds([*_command("ablate.cli"), "run", str(arguments.study), "--store", f"{folder}/ours"])
        tracking, share = _tracking(study, Store(Path(folder) / "ours"), Store(Path(folder) / "tracked"))
        plain = _seconds([*_command(__name__), str(arguments.study), "--plain", f"{folder}/plain"])
    runs = len(study.planned_runs)
    console = Console()
    console.print(f"ablate run: {runs} runs in {ours:.0f} s, {HOUR * runs / ours:.0f} runs per hour")
    console.print(f"plain cell, one process of two threads: {plain:.0f} s, {HOUR * runs / plain:.0f} runs per hour")
    console.print(f"ratio {plain / ours:.2f}; tracking {1000 * tracking:.0f} ms per run, {share:.1%} of it")


def _command(module: str) -> list[str]:
    name = "benchmarks.throughput" if module == "__main__" else module
    return [sys.executable, "-c", f"from {name} import main; main()"]


def _seconds(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # commands of this project
    return perf_counter() - start


def _run_plainly(study: StudySpec, folder: Path) -> None:
    torch.set_num_threads(2)
    ConvLSTMLayer.forward = _concatenating  # type: ignore[method-assign,assignment]  # the plain forward in place of the fused one
    for planned_run in study.planned_runs:
        carry_out(planned_run, RunPaths(folder / planned_run.id), lambda *_: None)


def _concatenating(
    layer: ConvLSTMLayer, features: Features, state: CellState | None = None
) -> tuple[Hidden, CellState]:
    """Run a layer as ndrplz/ConvLSTM_pytorch does: one convolution per step, of input and state concatenated.

    If their kernels differ in size, run one convolution of each.
    """
    steps = []
    if state is None:
        zeros = features.new_zeros(features.shape[1], len(layer.bias) // 4, *features.shape[-2:])
        state = CellState(zeros, zeros)
    for frame in features:
        state = _step(layer, frame, state)
        steps.append(state.hidden)
    return torch.stack(steps), state


def _step(layer: ConvLSTMLayer, frame: Tensor, state: CellState) -> CellState:
    kernel, names = layer.get_parameter("kernel"), layer._names  # noqa: SLF001  # it replaces the method forward of the layer
    activation, gate = ACTIVATIONS[names.activation].value, ACTIVATIONS[names.gate].value
    if kernel.shape[-1] == layer.state_kernel.shape[-1]:
        concatenated = torch.cat([frame, state.hidden], dim=1)
        gates = same_conv2d(concatenated, torch.cat([kernel, layer.state_kernel], dim=1), layer.bias)
    else:
        gates = same_conv2d(frame, kernel, layer.bias) + same_conv2d(state.hidden, layer.state_kernel)
    i, f, candidate, o = gates.chunk(4, dim=1)
    cell = gate(f) * state.cell + gate(i) * activation(candidate)
    return CellState(gate(o) * activation(cell), cell)


def _tracking(study: StudySpec, ran: Store, again: Store) -> tuple[float, float]:
    """Return the median seconds of tracking one run, and their share of the median duration of a run."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    tracker, tracking_seconds, run_seconds = MLflowTracker(again), [], []
    tracker.open(study)
    for number, planned_run in enumerate(study.planned_runs):
        paths = ran.study(study.name).run(planned_run.id)
        record = RunRecord.load(paths)
        start = perf_counter()
        run_id = tracker.start(planned_run, number)
        for index in range(len(record.curve)):
            tracker.curve(run_id, record.curve.iloc[index : index + 1])
        tracker.finish(run_id, record, paths)
        tracking_seconds.append(perf_counter() - start)
        run_seconds.append(float(record.facts["seconds"] or 0))
    return median(tracking_seconds), median(tracking_seconds) / median(run_seconds)


if __name__ == "__main__":
    main()
