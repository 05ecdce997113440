"""A trained model, restored from the folder of its run."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, is_zipfile

import torch
from torch import Tensor

from ablate.components.models.forecaster import Forecaster
from ablate.core.errors import DataError, SpecError
from ablate.storage.paths import RunPaths
from ablate.storage.records import SCHEMA, RecordHead, damaged, identity
from ablate.study import RunSpec
from ablate.study.study_file import load_run
from ablate.training.fit import initial_model

CPU = torch.device("cpu")


def restore(paths: RunPaths) -> tuple[RunSpec, Forecaster]:
    """Return a run and its trained model, on the CPU and in inference mode.

    Raises DataError if run.yaml or the checkpoint is missing or damaged, or if the two do not belong together.
    """
    try:
        run = load_run(paths.run_yaml)
    except SpecError as error:
        raise DataError(f"{error}\nthe folder of a checkpoint must contain the run.yaml of its training") from error
    model = initial_model(run, CPU)
    if paths.record.exists():
        _check_record(paths, run)
    try:
        model.load_state_dict(plain_weights(paths.checkpoint))
    except RuntimeError as error:
        raise DataError(f"{paths.checkpoint}: not of the model in {paths.run_yaml}: {_one_line(error)}") from error
    return run, model.eval()


def _check_record(paths: RunPaths, run: RunSpec) -> None:
    """Raise DataError if run.yaml or the checkpoint is not the one that the run's record was written with."""
    head = RecordHead.load(paths)
    if head.is_reduced_without(paths.checkpoint):
        raise DataError(
            f"{paths.folder}: no checkpoint is here, since this run came from a bundle without it; make the bundle "
            "with --checkpoints, or probe the run in the store where it was trained"
        )
    if head.schema == SCHEMA and identity(head.run) != run.identity():
        raise damaged(paths, f"its run.yaml is of run {run.identity()}, its record of run {identity(head.run)}")
    if paths.checkpoint.name in head.files:
        try:
            head.checked(paths.checkpoint)
        except (OSError, ValueError) as error:
            raise DataError(f"{paths.checkpoint}: {error}; run the study again after deleting its folder") from error


def plain_weights(file: Path, wrapper_keys: Sequence[str] = ()) -> dict[str, Tensor]:
    """Return the tensors of a file by name; they may be nested under some of `wrapper_keys`.

    Only tensors and plain values are unpickled, so an untrusted file executes no code, and needs little more memory
    than its size. Raises DataError if the file is missing, damaged, or contains anything else.
    """
    try:
        _check_uncompressed(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch repeats its warning about a damaged file in the error
            weights = torch.load(file, map_location=CPU, weights_only=True)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{file}: there is no such file") from error
    except Exception as error:  # for damaged files torch raises errors of any class
        raise DataError(
            f"{file}: no checkpoint of plain weights: it is damaged, or would run its own code on loading "
            f"({_one_line(error)}); save model.state_dict() alone"
        ) from error
    for key in wrapper_keys:
        if isinstance(weights, Mapping) and isinstance(weights.get(key), Mapping):
            weights = weights[key]
    if not isinstance(weights, Mapping) or not all(map(_is_named_tensor, weights.items())):
        raise DataError(f"{file}: found no mapping of names to tensors; save model.state_dict()")
    return dict(weights)


def _check_uncompressed(file: Path) -> None:
    """Raise DataError for a compressed archive, which may need any amount of memory; torch writes no such file."""
    if is_zipfile(file):
        with ZipFile(file) as archive:
            if any(entry.compress_type != ZIP_STORED for entry in archive.infolist()):
                raise DataError(
                    f"{file}: found a compressed archive; torch.save writes uncompressed ones: save it with torch"
                )


def _is_named_tensor(item: tuple[object, object]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
