"""The LSTM autoencoder's score: how badly the network repeats a window.

``fmax``: the largest of the features' mean squared errors, each divided by a reference of its own (what 10 % of
ordinary windows exceed), so that a feature that is hard to repeat does not drown the others. ``mse``: the mean of
all squared errors, as in the ancestor.
"""

from __future__ import annotations

import numpy as np

from fsictl.errors import CheckFailedError
from fsictl.model.detectors.graph import Array, Graph
from fsictl.model.detectors.recurrent import add_network
from fsictl.model.network import Weights
from fsictl.model.scaler import Scaler

REFERENCE_RATE = 0.1
"""Share of held-out windows whose error in a feature exceeds that feature's reference."""

LEAST_REFERENCE = 1e-4
"""Smallest reference error, for a feature that never moves."""

TOLERANCE = 1e-5
"""Largest difference between graph and Keras, relative to errors above one."""


def reference_of(errors: Array) -> Array:
    """The reference of each feature, from mean squared errors [windows, features] of held-out windows."""
    reference = np.quantile(errors, 1 - REFERENCE_RATE, axis=0).astype(np.float32)
    floored: Array = np.maximum(reference, np.float32(LEAST_REFERENCE))
    return floored


def autoencoder_graph(
    weights: Weights, *, length: int, scaler: Scaler, reference: Array, score: str = "fmax", activation: str = "tanh"
) -> bytes:
    """The scoring graph of a trained network.

    ``feature_errors`` are mean squared errors over ``reference``, ``score`` their largest (``fmax``) or their mean
    (``mse``); ``row_errors`` is the largest relative error in each second of the window.
    """
    graph = Graph(length, len(scaler.center))
    scores = add_autoencoder(
        graph, graph.scaled(scaler), weights, reference=reference, score=score, activation=activation
    )
    return graph.finished("lstm_autoencoder", *scores)


def add_autoencoder(
    graph: Graph, scaled: str, weights: Weights, *, reference: Array, score: str, activation: str
) -> tuple[str, str, str]:
    """The names of score, feature errors and row errors, computed from the scaled window of that name."""
    by_time = graph.node("Transpose", scaled, perm=[1, 0, 2])
    difference = graph.node("Sub", add_network(graph, by_time, weights, activation), by_time)
    squared = graph.node("Div", graph.node("Mul", difference, difference), graph.constant(reference))
    errors = graph.node("ReduceMean", squared, axes=[0], keepdims=0)
    worst = graph.node("ReduceMax", squared, axes=[2], keepdims=0)
    reduce = "ReduceMax" if score == "fmax" else "ReduceMean"
    return (
        graph.node(reduce, errors, axes=[1], keepdims=0),
        errors,
        graph.node("Transpose", worst, perm=[1, 0]),
    )


def check_graph(graph_errors: Array, keras_errors: Array) -> float:
    """The largest difference between the mean squared errors that graph and Keras give for the same windows.

    It is relative where errors are above one. Raises ``CheckFailedError`` above :data:`TOLERANCE` or without a number.
    """
    difference = np.abs(graph_errors - keras_errors) / np.maximum(np.abs(keras_errors), 1.0)
    largest = float(difference.max(initial=0.0))
    if not largest <= TOLERANCE:
        message = f"the scoring graph differs from the trained network by {largest:.1e}, more than {TOLERANCE:.0e}"
        raise CheckFailedError(message, hint="Train again; if it persists, the installed keras or onnx do not fit.")
    return largest
