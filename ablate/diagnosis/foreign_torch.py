"""Somebody else's torch model, from a Python file and a checkpoint."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ablate.core.errors import DataError
from ablate.diagnosis.first_line import first_line
from ablate.training.checkpoint import plain_weights

WRAPPINGS = ("state_dict", "model_state_dict", "model")
"""Keys under which checkpoints keep the weights, beside the optimizer's state and the like."""
PREFIX = "module."
"""What DataParallel puts before every name."""
SHOWN = 3

ForeignModel = Callable[[Any], Any]
"""Anything that takes frames (batch, time, 1, height, width) in [0, 1] and returns frames."""


def load_torch(target: str, checkpoint: Path | None) -> ForeignModel:
    """Return the model that `target`, a "file.py:name", stands for, with the weights of a checkpoint, on the CPU.

    It imports the file, and so runs its code. `name` is a module, a class or function without arguments that
    returns one, or a callable on frames. A module is put into inference mode. The checkpoint is read as plain
    weights only: no code of it runs. Raises DataError where any of that fails.
    """
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise DataError(f"{target}: must be a Python file and a name in it, as in my_model.py:build")
    model = _found(Path(path), name)
    if isinstance(model, nn.Module):
        if checkpoint is not None:
            weights = plain_weights(checkpoint, WRAPPINGS)
            _fill(model, {name.removeprefix(PREFIX): value for name, value in weights.items()}, checkpoint)
        return model.eval()
    if checkpoint is not None:
        raise DataError(f"{target}: a checkpoint needs a torch.nn.Module to load it into, found {type(model).__name__}")
    return model


def _found(path: Path, name: str) -> ForeignModel:
    """Return what the file has under that name, built if it must be."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # so that it finds the files beside it, as when Python runs it
    try:
        return _built(_imported(path), path, name)
    finally:
        sys.path.remove(folder)


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ablate_diagnosed_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything, or end like a script
        raise DataError(f"{path}: importing it failed: {first_line(error)}") from error
    return module


def _built(module: ModuleType, path: Path, name: str) -> ForeignModel:
    if not hasattr(module, name):
        own = [known for known, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        raise DataError(f"{path}: there is no {name!r} in it; it has {', '.join(own) or 'nothing to call'}")
    found = getattr(module, name)
    if not callable(found):
        raise DataError(f"{path}:{name}: must be a model, or a function that builds one; found {type(found).__name__}")
    if isinstance(found, nn.Module):
        return found
    return _model_of(found, f"{path}:{name}")


def _model_of(found: Callable[..., Any], place: str) -> ForeignModel:
    """Return what takes frames: the callable itself, or what it builds."""
    needed = _arguments(found)
    if needed == 1 and not inspect.isclass(found):
        return found
    if needed:
        raise DataError(
            f"{place}: needs {needed} argument{'s' * (needed > 1)}; write a function without any that builds the model"
        )
    try:
        model: ForeignModel = found()
    except Exception as error:  # somebody else's code may raise anything
        raise DataError(f"{place}: building it failed: {first_line(error)}") from error
    if not callable(model):
        raise DataError(f"{place}: must return a model; it returned {type(model).__name__}")
    return model


def _arguments(found: Callable[..., Any]) -> int:
    """Return how many arguments it cannot do without."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(found).parameters.values()
    return sum(p.default is p.empty and (p.kind in positional or p.kind is p.KEYWORD_ONLY) for p in parameters)


def _fill(model: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    own = model.state_dict()
    own_names = {name.removeprefix(PREFIX): name for name in own}
    faults = [
        _some("lacks", own_names.keys() - weights.keys()),
        _some("has but the model has not", weights.keys() - own_names.keys()),
        _some(
            "has in another shape",
            {
                f"{name} {tuple(weights[name].shape)} for {tuple(own[own_names[name]].shape)}"
                for name in own_names.keys() & weights.keys()
                if weights[name].shape != own[own_names[name]].shape
            },
        ),
    ]
    if any(faults):
        raise DataError(f"{path}: does not fit the model: it {'; it '.join(fault for fault in faults if fault)}")
    model.load_state_dict({own_names[name]: value for name, value in weights.items()})


def _some(what: str, names: set[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
    return f"{what} {', '.join(sorted(names)[:SHOWN])}{more}"
