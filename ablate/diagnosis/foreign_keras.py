"""Somebody else's Keras model, on the torch backend."""

import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from ablate.core.errors import AblateError, DataError
from ablate.diagnosis.first_line import first_line
from ablate.diagnosis.foreign_torch import ForeignModel

BACKEND = "torch"
FRAME_OR_VIDEO = (4, 5)
"""Dimensions of (batch, height, width, 1) and of (batch, time, height, width, 1)."""
INSTEAD = "load it in a Python file, and give that file and the name of a function on frames instead"


def load_keras(path: Path) -> ForeignModel:
    """Return a Keras 3 model as a callable on frames (batch, time, 1, height, width), differentiable.

    The model takes and returns (batch, time, height, width, 1), or (batch, height, width, 1) where it returns the
    next frame only. It is loaded uncompiled and in safe mode, so none of its code runs. A model with Keras 2's
    hard_sigmoid must name ours (keras2_hard_sigmoid): in an .h5 file of Keras 2 the name `hard_sigmoid` gets Keras 3's.
    Raises AblateError without Keras or with another backend
    than torch in use, DataError for a file that does not load.
    """
    keras = _keras()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything for a file it cannot read
        raise DataError(f"{path}: {_reason(error)}") from error

    def call(frames: Tensor) -> Any:
        return _channels_second(model(frames.movedim(2, -1), training=False))

    return call


def _keras() -> Any:
    """Import Keras with torch under it."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = BACKEND
    try:
        keras = importlib.import_module("keras")
    except ImportError as error:
        raise AblateError("a Keras model needs Keras 3: pip install 'ablate-convlstm[keras]'") from error
    if (backend := keras.backend.backend()) != BACKEND:
        raise AblateError(f"Keras runs on {backend} here, and must run on {BACKEND}: set KERAS_BACKEND={BACKEND}")
    importlib.import_module("ablate.diagnosis.keras2_hard_sigmoid")  # registers it
    return keras


def _channels_second(output: Any) -> Any:
    """Move the one channel of a video or a frame to where torch keeps it."""
    if isinstance(output, list | tuple):
        return [_channels_second(part) for part in output]
    has_channel = isinstance(output, Tensor) and output.dim() in FRAME_OR_VIDEO and output.shape[-1] == 1
    return output.movedim(-1, -3) if has_channel else output


def _reason(error: Exception) -> str:
    if "`Lambda` layer" in str(error):
        return f"has a Lambda layer, which would run code from the file; {INSTEAD}"
    if unknown := re.search(r"Could not locate (\w+ '[^']*')", str(error)):
        return f"uses {unknown[1]}, which only its author has; {INSTEAD}"
    return f"is no model that Keras can load: {first_line(error)}"
