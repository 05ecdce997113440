"""Keras 2's default for the gates of a ConvLSTM, which Keras 3 does not have. Loads Keras."""

import keras
from torch import Tensor


@keras.saving.register_keras_serializable(package="ablate", name="keras2_hard_sigmoid")  # type: ignore[untyped-decorator]  # neither has this
def keras2_hard_sigmoid(x: Tensor) -> Tensor:
    """Return 0.2 x + 0.5 clipped to [0, 1]; Keras 3's own `hard_sigmoid` is relu6(x + 3) / 6."""
    gate: Tensor = keras.ops.clip(0.2 * x + 0.5, 0, 1)
    return gate
