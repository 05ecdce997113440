"""A trained run, taken up again from its folder."""

from pathlib import Path

import torch
from torch import Tensor

from ablate.errors import DataError, SpecError
from ablate.models import Forecaster
from ablate.paths import RunPaths
from ablate.spec import RunSpec
from ablate.study_file import load_run
from ablate.training import initial_model

CPU = torch.device("cpu")


def restore(paths: RunPaths) -> tuple[RunSpec, Forecaster]:
    """Return a run and its trained model, on the CPU and in inference mode.

    Raises DataError where its run.yaml or checkpoint is missing or damaged, or the two do not belong together.
    """
    try:
        run = load_run(paths.run_yaml)
    except SpecError as error:
        raise DataError(f"{error}\na checkpoint needs beside it the run.yaml that it was trained by") from error
    model = initial_model(run, CPU)
    try:
        model.load_state_dict(plain_weights(paths.checkpoint))
    except RuntimeError as error:
        raise DataError(f"{paths.checkpoint}: not of the model in {paths.run_yaml}: {_in_a_line(error)}") from error
    return run, model.eval()


def plain_weights(file: Path) -> dict[str, Tensor]:
    """Read tensors by name. Nothing but tensors is unpickled, so a file from elsewhere can run no code.

    Raises DataError where the file is missing, damaged, or holds anything else.
    """
    try:
        weights = torch.load(file, map_location=CPU, weights_only=True)
    except FileNotFoundError as error:
        raise DataError(f"{file}: there is no such file") from error
    except Exception as error:  # torch meets damaged files with errors of any class
        raise DataError(f"{file}: no checkpoint of plain weights: {_in_a_line(error)}") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise DataError(f"{file}: found no mapping of names to tensors; save model.state_dict()")
    return weights


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
