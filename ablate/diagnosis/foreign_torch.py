"""Load a foreign torch model from a Python file and a checkpoint."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ablate.core.errors import DataError
from ablate.training.checkpoint import plain_weights

WEIGHT_KEYS = ("state_dict", "model_state_dict", "model")  # a checkpoint may hold the optimizer's state as well
PREFIX = "module."  # DataParallel puts it before every name
MAX_NAMES = 3  # of weights that one message lists
MAX_REASON = 300  # characters of a foreign error

ForeignModel = Callable[[Any], Any]
"""Anything that takes frames (batch, time, 1, height, width) in [0, 1] and returns frames."""


def load_torch(target: str, checkpoint: Path | None) -> ForeignModel:
    """Return the model that `target`, as in "file.py:name", names, with the weights of a checkpoint, on the CPU.

    The file is imported, which runs its code. `name` is a module, a class or function without arguments that
    returns one, or a callable on frames. A module is put into inference mode. The checkpoint is read as plain
    weights, so none of its code runs. Raises DataError where a step fails.
    """
    model = _model_in_file(*file_and_name(target))
    if isinstance(model, nn.Module):
        if checkpoint is not None:
            fill(model, checkpoint)
        return model.eval()
    if checkpoint is not None:
        raise DataError(f"{target}: a checkpoint needs a torch.nn.Module to load it into, found {type(model).__name__}")
    return model


def file_and_name(target: str) -> tuple[Path, str]:
    """Return the file and the name of "file.py:name". Raises DataError for anything else."""
    path, _, name = target.rpartition(":")
    if not path or not name:
        raise DataError(f"{target}: must be a Python file and a name in it, as in my_model.py:build")
    return Path(path), name


def _model_in_file(path: Path, name: str) -> ForeignModel:
    """Return the model with that name in the file, built where the name is a builder."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # as when Python runs the file: it may import its neighbors
    try:
        return _named_model(_imported(path), path, name)
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
    except (Exception, SystemExit) as error:  # foreign code may raise anything, or exit like a script
        raise DataError(f"{path}: importing it failed: {foreign_reason(error)}") from error
    return module


def _named_model(module: ModuleType, path: Path, name: str) -> ForeignModel:
    if not hasattr(module, name):
        defined = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
        raise DataError(f"{path}: found no {name!r} in it; it defines {', '.join(defined) or 'nothing to call'}")
    candidate = getattr(module, name)
    if not callable(candidate):
        kind = type(candidate).__name__
        raise DataError(f"{path}:{name}: found {kind}; must be a model, or a function that builds one")
    return model_of(candidate, f"{path}:{name}")


def model_of(candidate: Callable[..., Any], place: str) -> ForeignModel:
    """Return a module or a callable on frames itself, else the model that the class or function builds.

    `place` names it in errors. Raises DataError where it is no model and builds none.
    """
    return candidate if isinstance(candidate, nn.Module) else _called_or_built(candidate, place)


def _called_or_built(candidate: Callable[..., Any], place: str) -> ForeignModel:
    """Return the callable itself where it takes frames, else the model that it builds."""
    needed = _required_arguments(candidate)
    if needed == 1 and not inspect.isclass(candidate):
        return candidate
    if needed:
        raise DataError(
            f"{place}: needs {needed} argument{'s' * (needed > 1)}; write a function without any that builds the model"
        )
    try:
        model: ForeignModel = candidate()
    except Exception as error:  # foreign code may raise anything
        raise DataError(f"{place}: building it failed: {foreign_reason(error)}") from error
    if not callable(model):
        raise DataError(f"{place}: returned {type(model).__name__}; must return a model")
    return model


def _required_arguments(function: Callable[..., Any]) -> int:
    """Return the number of arguments without a default."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # code in C may not say what it takes; as a model it takes the frames
        return 1
    return sum(p.default is p.empty and (p.kind in positional or p.kind is p.KEYWORD_ONLY) for p in parameters)


def fill(model: nn.Module, path: Path) -> None:
    """Load the weights of a checkpoint into a module. Raises DataError where they do not fit it."""
    stored = plain_weights(path, WEIGHT_KEYS)
    weights = {name.removeprefix(PREFIX): value for name, value in stored.items()}
    present = model.state_dict()
    names = {name.removeprefix(PREFIX): name for name in present}
    faults = [
        _fault("lacks", names.keys() - weights.keys()),
        _fault("has, unlike the model,", weights.keys() - names.keys()),
        _fault(
            "has in another shape",
            {
                f"{name} {tuple(weights[name].shape)} for {tuple(present[names[name]].shape)}"
                for name in names.keys() & weights.keys()
                if weights[name].shape != present[names[name]].shape
            },
        ),
    ]
    if any(faults):
        raise DataError(f"{path}: does not fit the model: it {'; it '.join(fault for fault in faults if fault)}")
    model.load_state_dict({names[name]: value for name, value in weights.items()})


def _fault(fault: str, names: set[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMES} more" * (len(names) > MAX_NAMES)
    return f"{fault} {', '.join(sorted(names)[:MAX_NAMES])}{more}"


def foreign_reason(error: BaseException) -> str:
    """Return a foreign error's kind and the first line of its message, cut at MAX_REASON characters."""
    line = next(iter(str(error).strip().splitlines()), "")
    reason = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return reason if len(reason) <= MAX_REASON else reason[:MAX_REASON] + "..."
