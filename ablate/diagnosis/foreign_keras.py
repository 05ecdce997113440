"""Load a foreign Keras model on the torch backend. Importing this file imports Keras, which is an extra."""

import os
import re
import sys
from pathlib import Path
from typing import Any

from torch import Tensor

from ablate.core.errors import AblateError, DataError
from ablate.diagnosis.foreign_torch import ForeignModel, foreign_reason

BACKEND = "torch"
if "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = BACKEND  # read while Keras is imported
try:
    import keras
except ImportError as error:
    raise AblateError("a Keras model needs Keras 3: pip install 'ablate-convlstm[keras]'") from error

FRAME_OR_VIDEO = (4, 5)  # dimensions of (batch, height, width, 1) and of (batch, time, height, width, 1)
ALTERNATIVE = "load it in a Python file, and give that file and the name of a function on frames instead"


@keras.saving.register_keras_serializable(package="ablate", name="keras2_hard_sigmoid")  # type: ignore[untyped-decorator]  # neither has this
def keras2_hard_sigmoid(x: Tensor) -> Tensor:
    """Return 0.2 x + 0.5 clipped to [0, 1], Keras 2's default for the gates of a ConvLSTM.

    Keras 3's own `hard_sigmoid` is relu6(x + 3) / 6.
    """
    gate: Tensor = keras.ops.clip(0.2 * x + 0.5, 0, 1)
    return gate


def load_keras(path: Path) -> ForeignModel:
    """Return a Keras 3 model as a differentiable callable on frames (batch, time, 1, height, width).

    The model takes and returns (batch, time, height, width, 1), or (batch, height, width, 1) where it returns the
    next frame only. It is loaded uncompiled and in safe mode, so none of its code runs. A model with Keras 2's
    hard_sigmoid must name `keras2_hard_sigmoid`: Keras 3 reads the name `hard_sigmoid` of an .h5 file as its own.

    Raises AblateError where Keras uses another backend than torch, DataError for a file that does not load.
    """
    _refuse_backend()
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything for a file it cannot read
        raise DataError(f"{path}: {_reason(error)}") from error
    return on_channels_second(model)


def on_channels_second(model: Any) -> ForeignModel:
    """Return a Keras model as load_keras does. Raises AblateError where Keras uses another backend than torch."""
    _refuse_backend()

    def call(frames: Tensor) -> Any:
        return _channels_second(model(frames.movedim(2, -1), training=False))

    return call


def _refuse_backend() -> None:
    if (backend := keras.backend.backend()) != BACKEND:
        raise AblateError(f"Keras runs on {backend} here, and must run on {BACKEND}: set KERAS_BACKEND={BACKEND}")


def _channels_second(output: Any) -> Any:
    """Move the one channel of a video or a frame to torch's place for it."""
    if isinstance(output, list | tuple):
        return [_channels_second(part) for part in output]
    has_channel = isinstance(output, Tensor) and output.dim() in FRAME_OR_VIDEO and output.shape[-1] == 1
    return output.movedim(-1, -3) if has_channel else output


def _reason(error: Exception) -> str:
    if "`Lambda` layer" in str(error):
        return f"has a Lambda layer, which would run code from the file; {ALTERNATIVE}"
    if unknown := re.search(r"Could not locate (\w+ '[^']*')", str(error)):
        return f"uses {unknown[1]}, which only its author has; {ALTERNATIVE}"
    return f"is no model that Keras can load: {foreign_reason(error)}"
