"""Trained networks in MLflow's model format: a folder on disk, or a logged model of a run in the store.

The format is torch.export's (pt2): a graph with its weights and no pickled object, so that loading it runs no code of
the file, and needs no part of this project.
"""

import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from ablate.components.models.fast.switch import plain_operations
from ablate.core.errors import AblateError, DataError
from ablate.execution.tracking.mlflow_client import LoggedModelOutput, LoggedModelStatus, client_of, runs_of
from ablate.execution.tracking.run_tags import RUN, value_of
from ablate.storage.paths import RunPaths, Store
from ablate.training.exported import CLIPS, ExportedNetwork, exported_network

TOLERANCE = 1e-5  # of a brightness in [0, 1]: single precision, in another order of operations
FORMAT = "pt2"
NO_NAME = re.compile(r"[^\w=-]+", re.ASCII)
"""Characters that MLflow refuses in the name of a model, or that a shell or an address would quote."""


def save_model(paths: RunPaths, folder: Path) -> ExportedNetwork:
    """Write the trained network of a run as an MLflow model into a new folder, and return it.

    The model is loaded again, and must give the forecast of the checkpoint for a batch of another size, up to
    TOLERANCE. Raises DataError for a folder that has content or a run without a network, AblateError where the network
    cannot be exported.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: found a file or a folder with content; give the name of a new folder")
    network = exported_network(paths)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        written = Path(temporary) / "model"
        _export(network, written, paths)
        _check(network, written)
        if folder.exists():
            folder.rmdir()  # empty; a folder cannot be moved over another one
        shutil.move(written, folder)
    return network


def log_model(store: Store, study: str, run_id: str, paths: RunPaths) -> str | None:
    """Log the trained network of a run as a model of its finished run in MLflow, unless that has one.

    Returns MLflow's id of the model, None where MLflow shows no such run. Raises what `save_model` raises.
    """
    client = client_of(store)
    experiment = client.get_experiment_by_name(study)
    if experiment is None:
        return None
    id_ = experiment.experiment_id
    finished = runs_of(client, id_, run_id, paths.folder.name, "status = 'FINISHED'")
    if not finished:
        return None
    info = finished[-1].info
    for model in client.search_logged_models([id_], f"source_run_id = '{info.run_id}'"):
        if model.status == LoggedModelStatus.READY:  # MLflow stores a number, which no search by name finds
            known: str = model.model_id
            return known
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        network = save_model(paths, folder)
        name = NO_NAME.sub("-", f"{study}-{info.run_name}")
        tags = {f"ablate.{RUN}": value_of(finished[-1].data.tags, RUN) or run_id}
        params = {"context": str(network.run.evaluation.context), "horizon": str(network.run.evaluation.horizon)}
        model = client.create_logged_model(id_, name, info.run_id, tags, params, "video-forecaster")
        try:
            client.log_model_artifacts(model.model_id, str(folder))
        except BaseException:
            client.finalize_logged_model(model.model_id, "FAILED")
            raise
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(info.run_id, [LoggedModelOutput(model.model_id, network.run.training.steps)])
    new: str = model.model_id
    return new


def _export(network: ExportedNetwork, folder: Path, paths: RunPaths) -> None:
    """Write the model with its signature, its example, and the packages that it needs."""
    from mlflow.models import ModelSignature  # noqa: PLC0415  # seconds, and only models need it
    from mlflow.types.schema import Schema, TensorSpec  # noqa: PLC0415  # as above

    with _quiet(), torch.no_grad(), plain_operations():
        forecast = network.module(network.example)
        inputs, outputs = (
            Schema([TensorSpec(np.dtype(np.float32), (-1, *frames.shape[1:]))])  # a name would ask for a dictionary
            for frames in (network.example, forecast)
        )
        try:
            _mlflow_pytorch().save_model(
                network.module,
                str(folder),
                signature=ModelSignature(inputs, outputs),
                input_example=network.example.numpy(),
                pip_requirements=[f"{name}=={version(name)}" for name in ("mlflow", "torch", "numpy")],
                metadata={"ablate.run": network.run.identity(), "ablate.version": version("ablate-convlstm")},
                serialization_format=FORMAT,
            )
        except Exception as error:
            raise AblateError(
                f"{paths.checkpoint}: its network cannot be exported by torch {torch.__version__} "
                f"({type(error).__name__}: {str(error).partition(chr(10))[0]}); load the checkpoint with torch instead"
            ) from error


def _check(network: ExportedNetwork, folder: Path) -> None:
    """Raise AblateError where the written model forecasts other frames than the network that was restored."""
    with _quiet(), torch.no_grad(), plain_operations():
        loaded = _mlflow_pytorch().load_model(str(folder))
        try:
            forecast = loaded(network.unseen)
        except (AssertionError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise AblateError(
                f"the exported network takes no batch of another size than {CLIPS} ({reason}); load the checkpoint "
                "with torch instead"
            ) from error
        difference = float((forecast - network.module(network.unseen)).abs().max())
    if not difference <= TOLERANCE:
        raise AblateError(
            f"the exported network forecasts other frames than its checkpoint: they differ by {difference:.3g}, "
            f"allowed is {TOLERANCE:g}; nothing was written"
        )


def _mlflow_pytorch() -> ModuleType:
    from mlflow import pytorch  # noqa: PLC0415  # seconds, and only models need it

    module: Any = pytorch
    return module  # type: ignore[no-any-return]  # MLflow has no types for it


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the warnings of torch.export and MLflow about their own insides."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
