"""The layers of the autoencoder as nodes of a scoring graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fsictl.model.detectors.graph import BATCH_NORM_EPSILON, SELU_ALPHA, SELU_SCALE, Array, Graph
from fsictl.model.network import INNER_UNITS, OUTER_UNITS, Weights


def add_network(graph: Graph, scaled: str, weights: Weights, activation: str) -> str:
    """The layers of :func:`fsictl.model.network.build_network`; time is the first axis, [length, batch, features]."""
    left = list(weights)

    def take(count: int) -> list[Array]:
        taken, left[:count] = left[:count], []
        return taken

    def recurrent(source: str, units: int, *, sequence: bool) -> str:
        layer = _lstm if activation == "tanh" else _selu_lstm
        return _batch_norm(graph, layer(graph, source, take(3), units, sequence=sequence), take(4))

    x = recurrent(scaled, OUTER_UNITS, sequence=True)
    x = recurrent(x, INNER_UNITS, sequence=False)
    once = graph.node("Unsqueeze", x, graph.constant([0]))
    x = graph.node("Tile", once, graph.constant([graph.length, 1, 1]))
    x = recurrent(x, INNER_UNITS, sequence=True)
    x = recurrent(x, OUTER_UNITS, sequence=True)
    kernel, bias = take(2)
    return graph.node("Add", graph.node("MatMul", x, graph.constant(kernel)), graph.constant(bias))


def _batch_norm(graph: Graph, source: str, weights: Sequence[Array]) -> str:
    """Batch normalisation with its moving averages, folded into a product and a sum."""
    gamma, beta, mean, variance = weights
    factor = gamma / np.sqrt(variance + np.float32(BATCH_NORM_EPSILON))
    return graph.node("Add", graph.node("Mul", source, graph.constant(factor)), graph.constant(beta - mean * factor))


def _lstm(graph: Graph, source: str, weights: Sequence[Array], units: int, *, sequence: bool) -> str:
    """A Keras LSTM (gates i f c o, rows = inputs) as ONNX wants it (gates i o f c, rows = gates)."""

    def reordered(array: Array) -> Array:
        i, f, c, o = np.split(array, 4, axis=-1)
        return np.concatenate([i, o, f, c], axis=-1)

    kernel, recurrent, bias = (reordered(weight) for weight in weights)
    inputs = [
        source,
        graph.constant(kernel.T[None]),
        graph.constant(recurrent.T[None]),
        graph.constant(np.concatenate([bias, np.zeros_like(bias)])[None]),
    ]
    outputs = [graph.fresh("all"), graph.fresh("last")]
    graph.nodes("LSTM", inputs, outputs, hidden_size=units)
    if sequence:
        return graph.node("Squeeze", outputs[0], graph.constant([1]))
    return graph.node("Squeeze", outputs[1], graph.constant([0]))


def _selu_lstm(graph: Graph, source: str, weights: Sequence[Array], units: int, *, sequence: bool) -> str:
    """A Keras LSTM with selu, which ONNX' own LSTM does not know, as a scan over time."""
    from onnx import TensorProto, helper

    kernel, recurrent, bias = weights
    inputs = graph.node("Add", graph.node("MatMul", source, graph.constant(kernel)), graph.constant(bias))
    body = Graph(graph.length, graph.features, "step_")

    def selu(name: str) -> str:
        return body.node("Selu", name, alpha=SELU_ALPHA, gamma=SELU_SCALE)

    gates = body.node("Add", "x", body.node("MatMul", "h", body.constant(recurrent)))
    i, f, c, o = body.nodes("Split", [gates, body.constant([units] * 4)], ["i", "f", "c_in", "o"], axis=1)
    kept = body.node("Mul", body.node("Sigmoid", f), "c")
    added = body.node("Mul", body.node("Sigmoid", i), selu(c))
    body.node("Add", kept, added, name="c_out")
    body.node("Mul", body.node("Sigmoid", o), selu("c_out"), name="h_out")
    body.node("Identity", "h_out", name="h_row")

    def value(name: str, width: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", width])

    step = body.as_body(
        [value("h", units), value("c", units), value("x", 4 * units)],
        [value("h_out", units), value("c_out", units), value("h_row", units)],
    )
    batch = graph.node("Shape", source, start=1, end=2)
    shape = graph.node("Concat", batch, graph.constant([units]), axis=0)
    zeros = graph.node("ConstantOfShape", shape)
    outputs = [graph.fresh("last"), graph.fresh("cell"), graph.fresh("all")]
    graph.nodes("Scan", [zeros, zeros, inputs], outputs, body=step, num_scan_inputs=1)
    return outputs[2] if sequence else outputs[0]
