"""A trained run, taken up again from its folder."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, is_zipfile

import torch
from torch import Tensor

from ablate.components.models.forecaster import Forecaster
from ablate.core.errors import DataError, SpecError
from ablate.storage.paths import RunPaths
from ablate.storage.records import RecordHead
from ablate.study import RunSpec
from ablate.study.study_file import load_run
from ablate.training.fit import initial_model

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
    if paths.record.exists():
        _check_digest(paths)
    try:
        model.load_state_dict(plain_weights(paths.checkpoint))
    except RuntimeError as error:
        raise DataError(f"{paths.checkpoint}: not of the model in {paths.run_yaml}: {_in_a_line(error)}") from error
    return run, model.eval()


def _check_digest(paths: RunPaths) -> None:
    """Raise DataError where the checkpoint is not the one that the run's record was written with."""
    head = RecordHead.load(paths)
    if paths.checkpoint.name in head.files:
        try:
            head.checked(paths.checkpoint)
        except (OSError, ValueError) as error:
            raise DataError(f"{paths.checkpoint}: {error}; run the study again after deleting its folder") from error


def plain_weights(file: Path, wrappings: Sequence[str] = ()) -> dict[str, Tensor]:
    """Read tensors by name, be they below one of the keys in `wrappings`.

    Nothing but tensors and plain values is unpickled, so a file from elsewhere can run no code, and takes little more
    memory than it has bytes. Raises DataError where the file is missing, damaged, or holds anything else.
    """
    try:
        _refuse_compression(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of a damaged file is in the error as well
            weights = torch.load(file, map_location=CPU, weights_only=True)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{file}: there is no such file") from error
    except Exception as error:  # torch meets damaged files with errors of any class
        raise DataError(
            f"{file}: no checkpoint of plain weights: it is damaged, or would run its own code on loading "
            f"({_in_a_line(error)}); save model.state_dict() alone"
        ) from error
    for key in wrappings:
        if isinstance(weights, Mapping) and isinstance(weights.get(key), Mapping):
            weights = weights[key]
    if not isinstance(weights, Mapping) or not all(map(_is_named_tensor, weights.items())):
        raise DataError(f"{file}: found no mapping of names to tensors; save model.state_dict()")
    return dict(weights)


def _refuse_compression(file: Path) -> None:
    """Refuse an archive that may grow without bound as it is read; torch itself compresses nothing."""
    if is_zipfile(file):
        with ZipFile(file) as archive:
            if any(entry.compress_type != ZIP_STORED for entry in archive.infolist()):
                raise DataError(f"{file}: its archive is compressed, as torch.save makes none; save it with torch")


def _is_named_tensor(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
