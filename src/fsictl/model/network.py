"""The LSTM autoencoder: a window goes in, is squeezed through 16 numbers, and comes out again.

Whatever the network has not learned to describe in 16 numbers comes out wrong; how wrong, is the score.
Keras is only used to train; scoring runs the graph made by :mod:`fsictl.model.detectors.graph`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

OUTER_UNITS = 32
INNER_UNITS = 16

Weights = Sequence[npt.NDArray[np.float32]]


def load_keras() -> Any:
    """Keras, on JAX and the CPU unless the environment says otherwise; costs seconds the first time."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import keras

    return keras


def build_network(length: int, features: int, activation: str = "tanh") -> Any:
    """A network for windows [batch, length, features], its weights still zero: see :func:`initial_weights`.

    tanh rather than the ancestor's selu, which becomes unstable in longer windows; batch normalisation after every
    LSTM.
    """
    layers = load_keras().layers

    def recurrent(units: int, x: Any, *, sequence: bool) -> Any:
        lstm = layers.LSTM(
            units,
            activation=activation,
            return_sequences=sequence,
            kernel_initializer="zeros",
            recurrent_initializer="zeros",
        )
        return layers.BatchNormalization()(lstm(x))

    window = layers.Input((length, features), name="window")
    x = recurrent(OUTER_UNITS, window, sequence=True)
    x = recurrent(INNER_UNITS, x, sequence=False)
    x = layers.RepeatVector(length)(x)
    x = recurrent(INNER_UNITS, x, sequence=True)
    x = recurrent(OUTER_UNITS, x, sequence=True)
    reconstruction = layers.TimeDistributed(layers.Dense(features, kernel_initializer="zeros"))(x)
    return load_keras().Model(window, reconstruction, name="lstm_autoencoder")


def initial_weights(features: int, rng: np.random.Generator) -> list[npt.NDArray[np.float32]]:
    """Weights to start training from, in the order of :func:`weights_of`, by Keras' default rules.

    Glorot-uniform kernels, orthogonal recurrent kernels, forget gates open. Drawn with numpy because Keras on JAX
    compiles a program for every shape it draws, which takes longer than a thousand training steps.
    """
    weights: list[npt.NDArray[np.float32]] = []
    inputs = features
    for units in (OUTER_UNITS, INNER_UNITS, INNER_UNITS, OUTER_UNITS):
        gates = np.zeros((4, units), np.float32)
        gates[1] = 1.0
        weights += [_glorot(inputs, 4 * units, rng), _orthogonal(units, 4 * units, rng), gates.ravel()]
        one, zero = np.ones(units, np.float32), np.zeros(units, np.float32)
        weights += [one, zero, zero, one]  # scale, shift, moving mean, moving variance
        inputs = units
    return [*weights, _glorot(inputs, features, rng), np.zeros(features, np.float32)]


def _glorot(inputs: int, outputs: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    limit = np.sqrt(6.0 / (inputs + outputs))
    return rng.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Orthonormal rows (``rows`` ≤ ``columns``), uniformly distributed."""
    q, r = np.linalg.qr(rng.standard_normal((columns, rows)))
    return np.asarray((q * np.sign(np.diag(r))).T, dtype=np.float32)


def weights_of(network: Any) -> Weights:
    """All weights in the order of the layers, as float32 arrays."""
    to_numpy = load_keras().ops.convert_to_numpy  # numpy.asarray on a Keras variable warns under numpy 2
    return [
        np.asarray(to_numpy(weight.value), dtype=np.float32) for layer in network.layers for weight in layer.weights
    ]


def set_weights(network: Any, weights: Weights) -> None:
    """Give the network these weights, in the order of :func:`weights_of`."""
    remaining = iter(weights)
    for layer in network.layers:
        for variable in layer.weights:
            variable.assign(next(remaining))
