"""The scoring graph: scaling, network and score as one ONNX graph, written node by node.

No converter is needed, the graph is small and fast, and whoever scores needs neither Keras nor our scaling code.
The score of a window is the largest of its features' mean squared errors, each divided by a reference of its own
(what 10 % of ordinary windows exceed), so that a feature that is hard to repeat does not drown the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import CheckFailedError
from fsictl.model.network import INNER_UNITS, OUTER_UNITS, Weights
from fsictl.model.scaler import Scaler

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 9
BATCH_NORM_EPSILON = 1e-3
"""Keras' default, which :func:`fsictl.model.network.build_network` uses."""

TOLERANCE = 1e-5
"""Largest difference between graph and Keras, relative to errors above one."""


class _Graph:
    """Nodes and constants of a graph under construction; every method returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def lstm(self, source: str, name: str, weights: Weights, units: int, *, sequence: bool) -> str:
        """A Keras LSTM (gates i f c o, rows = inputs) as ONNX wants it (gates i o f c, rows = gates)."""
        from onnx import helper

        def reordered(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
            i, f, c, o = np.split(array, 4, axis=-1)
            return np.concatenate([i, o, f, c], axis=-1)

        kernel, recurrent, bias = (reordered(weight) for weight in weights)
        inputs = [
            source,
            self.constant(f"{name}_w", kernel.T[None]),
            self.constant(f"{name}_r", recurrent.T[None]),
            self.constant(f"{name}_b", np.concatenate([bias, np.zeros_like(bias)])[None]),
        ]
        outputs = [f"{name}_all", f"{name}_last"]
        self.nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=units))
        return self.node("Squeeze", [outputs[0], "one"] if sequence else [outputs[1], "zero"], f"{name}_out")

    def batch_norm(self, source: str, name: str, weights: Weights) -> str:
        """Batch normalisation with its moving averages, folded into a product and a sum."""
        gamma, beta, mean, variance = weights
        factor = gamma / np.sqrt(variance + np.float32(BATCH_NORM_EPSILON))
        scaled = self.node("Mul", [source, self.constant(f"{name}_factor", factor)], f"{name}_scaled")
        return self.node("Add", [scaled, self.constant(f"{name}_shift", beta - mean * factor)], f"{name}_out")


def build_graph(weights: Weights, *, length: int, scaler: Scaler, reference: npt.NDArray[np.float32]) -> bytes:
    """The graph as bytes. Input ``window`` [batch, length, features] holds raw features, float32.

    Outputs ``feature_errors`` [batch, features], each error over its ``reference``, and ``score`` [batch], the
    largest of them.
    """
    import onnx
    from onnx import TensorProto, helper

    features = len(scaler.center)
    graph = _Graph()
    graph.constant("zero", np.array([0], dtype=np.int64))
    graph.constant("one", np.array([1], dtype=np.int64))
    scaled = _add_scaling(graph, scaler)
    reconstruction = _add_network(graph, scaled, list(weights), length)
    difference = graph.node("Sub", [reconstruction, scaled], "difference")
    squared = graph.node("Mul", [difference, difference], "squared")
    errors = graph.node("ReduceMean", [squared], "errors", axes=[0], keepdims=0)
    relative = graph.node("Div", [errors, graph.constant("reference", reference)], "feature_errors")
    graph.node("ReduceMax", [relative], "score", axes=[1], keepdims=0)
    made = helper.make_graph(
        graph.nodes,
        "lstm_autoencoder",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", length, features])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("feature_errors", TensorProto.FLOAT, ["batch", features]),
        ],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fsictl")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _add_scaling(graph: _Graph, scaler: Scaler) -> str:
    """asinh((window − center) / scale), with time as the first axis, as ONNX' LSTM wants it."""
    center = graph.constant("center", np.asarray(scaler.center, dtype=np.float32))
    scale = graph.constant("scale", np.asarray(scaler.scale, dtype=np.float32))
    centered = graph.node("Sub", ["window", center], "centered")
    scaled = graph.node("Asinh", [graph.node("Div", [centered, scale], "divided")], "bent")
    return graph.node("Transpose", [scaled], "scaled", perm=[1, 0, 2])


def _add_network(graph: _Graph, scaled: str, weights: list[npt.NDArray[np.float32]], length: int) -> str:
    """The layers of :func:`fsictl.model.network.build_network`, taking their weights from the front of the list."""

    def take(count: int) -> Weights:
        taken, weights[:count] = weights[:count], []
        return taken

    def recurrent(source: str, name: str, units: int, *, sequence: bool) -> str:
        lstm = graph.lstm(source, name, take(3), units, sequence=sequence)
        return graph.batch_norm(lstm, f"{name}_norm", take(4))

    x = recurrent(scaled, "outer_encoder", OUTER_UNITS, sequence=True)
    x = recurrent(x, "inner_encoder", INNER_UNITS, sequence=False)
    once = graph.node("Unsqueeze", [x, "zero"], "code")
    repeats = graph.constant("repeats", np.array([length, 1, 1], dtype=np.int64))
    x = graph.node("Tile", [once, repeats], "repeated")
    x = recurrent(x, "inner_decoder", INNER_UNITS, sequence=True)
    x = recurrent(x, "outer_decoder", OUTER_UNITS, sequence=True)
    kernel, bias = take(2)
    product = graph.node("MatMul", [x, graph.constant("dense_w", kernel)], "dense")
    return graph.node("Add", [product, graph.constant("dense_b", bias)], "reconstruction")


def check_graph(graph_errors: npt.NDArray[np.float32], keras_errors: npt.NDArray[np.float32]) -> float:
    """The largest difference between the mean squared errors that graph and Keras give for the same windows.

    It is relative where errors are above one. Raises ``CheckFailedError`` above :data:`TOLERANCE` or without a number.
    """
    difference = np.abs(graph_errors - keras_errors) / np.maximum(np.abs(keras_errors), 1.0)
    largest = float(difference.max(initial=0.0))
    if not largest <= TOLERANCE:
        message = f"the scoring graph differs from the trained network by {largest:.1e}, more than {TOLERANCE:.0e}"
        raise CheckFailedError(message, hint="Train again; if it persists, the installed keras or onnx do not fit.")
    return largest
