"""The LSTM autoencoder: a window goes in, is squeezed through 16 numbers, and comes out again.

Whatever the network has not learned to describe in 16 numbers comes out wrong; how wrong, is the score.
Keras is only used to train; scoring runs the graph made by :mod:`fsictl.model.graph`.
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


def build_network(length: int, features: int) -> Any:
    """An untrained network for windows [batch, length, features]; its initial weights come from Keras' seed.

    tanh rather than selu, which becomes unstable in longer windows; batch normalisation after every LSTM.
    """
    layers = load_keras().layers
    window = layers.Input((length, features), name="window")
    x = layers.BatchNormalization()(layers.LSTM(OUTER_UNITS, return_sequences=True)(window))
    x = layers.BatchNormalization()(layers.LSTM(INNER_UNITS)(x))
    x = layers.RepeatVector(length)(x)
    x = layers.BatchNormalization()(layers.LSTM(INNER_UNITS, return_sequences=True)(x))
    x = layers.BatchNormalization()(layers.LSTM(OUTER_UNITS, return_sequences=True)(x))
    reconstruction = layers.TimeDistributed(layers.Dense(features))(x)
    return load_keras().Model(window, reconstruction, name="lstm_autoencoder")


def weights_of(network: Any) -> Weights:
    """All weights in the order of the layers, as float32 arrays."""
    to_numpy = load_keras().ops.convert_to_numpy  # numpy.asarray on a Keras variable warns under numpy 2
    return [
        np.asarray(to_numpy(weight.value), dtype=np.float32) for layer in network.layers for weight in layer.weights
    ]
