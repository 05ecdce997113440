"""Keras' ConvLSTM2D on each of its backends; KERAS_BACKEND must be set before this is imported."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from benchmarks.speed.contenders import Contender
from benchmarks.speed.shape import BIAS, KERNEL, STATE_KERNEL, Shape


def hard_sigmoid(x: Any) -> Any:
    """Return the hard sigmoid of Keras 2; Keras 3 has another one."""
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


def network(shape: Shape) -> keras.Sequential:
    """Return the stack with the shape's weights."""
    gate = hard_sigmoid if shape.gate == "hard_sigmoid" else shape.gate
    model = keras.Sequential([keras.Input((shape.time, shape.side, shape.side, 1), batch_size=shape.batch)])
    for kernel, weights in zip(shape.kernels, shape.weights(), strict=True):
        layer = keras.layers.ConvLSTM2D(
            shape.filters,
            kernel,
            padding="same",
            return_sequences=True,
            activation=shape.activation,
            recurrent_activation=gate,
        )
        model.add(layer)
        layer.set_weights([weights[KERNEL], weights[STATE_KERNEL], weights[BIAS]])
    return model


def named(hidden: np.ndarray, gradients: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the results under the names of Contender.results."""
    names = [f"{index // 3} {(KERNEL, STATE_KERNEL, BIAS)[index % 3]}" for index in range(len(gradients))]
    return {"hidden": hidden, **dict(zip(names, gradients, strict=True))}


class OnTorch:
    """Eager torch, as Keras runs it."""

    def __init__(self, shape: Shape) -> None:
        import torch

        self._model, self._pull = network(shape), torch.from_numpy(shape.pull())
        self._frames = torch.from_numpy(shape.frames()[..., None])
        self._variables = [variable.value for variable in self._model.trainable_variables]

    def step(self) -> None:
        """See Contender."""
        self._run()

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        hidden = self._run()
        return named(hidden.detach().numpy(), [variable.grad.numpy() for variable in self._variables])

    def _run(self) -> Any:
        for variable in self._variables:
            variable.grad = None
        hidden = self._model(self._frames, training=True)
        (hidden * self._pull).mean().backward()
        return hidden


class OnJax:
    """The whole step compiled by XLA."""

    def __init__(self, shape: Shape) -> None:
        import jax

        model, pull = network(shape), jax.numpy.asarray(shape.pull())
        self._frames = jax.numpy.asarray(shape.frames()[..., None])
        self._weights = [variable.value for variable in model.trainable_variables]
        constants = [variable.value for variable in model.non_trainable_variables]

        def loss(weights: Any, frames: Any) -> Any:
            hidden, _ = model.stateless_call(weights, constants, frames, training=True)
            return (hidden * pull).mean(), hidden

        self._jax, self._step = jax, jax.jit(jax.value_and_grad(loss, has_aux=True))

    def step(self) -> None:
        """See Contender."""
        self._jax.block_until_ready(self._step(self._weights, self._frames))

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        (_, hidden), gradients = self._step(self._weights, self._frames)
        return named(np.asarray(hidden), [np.asarray(gradient) for gradient in gradients])


class OnTensorFlow:
    """The whole step as one graph."""

    def __init__(self, shape: Shape) -> None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(2)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        model, pull, frames = network(shape), tf.constant(shape.pull()), tf.constant(shape.frames()[..., None])
        variables = [variable.value for variable in model.trainable_variables]

        @tf.function  # type: ignore[untyped-decorator]  # TensorFlow has no types
        def step() -> Any:
            with tf.GradientTape() as tape:
                hidden = model(frames, training=True)
                loss = tf.reduce_mean(hidden * pull)
            return hidden, tape.gradient(loss, variables)

        self._step = step

    def step(self) -> None:
        """See Contender."""
        self._step()[1][-1].numpy()

    def results(self) -> dict[str, np.ndarray]:
        """See Contender."""
        hidden, gradients = self._step()
        return named(hidden.numpy(), [gradient.numpy() for gradient in gradients])


BACKENDS: Mapping[str, Callable[[Shape], Contender]] = {"torch": OnTorch, "jax": OnJax, "tensorflow": OnTensorFlow}
