"""Scoring graphs: ONNX written node by node, so that no converter is needed and every detector is data, never code.

Each graph takes raw feature windows and gives one ``score`` a window and its ``feature_errors``: whoever scores
needs neither Keras nor our scaling code, and does not know which detector it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fsictl.model.scaler import Scaler

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 9

BATCH_NORM_EPSILON = 1e-3
"""Keras' default, which :func:`fsictl.model.network.build_network` uses."""

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

Array = npt.NDArray[np.float32]


class Graph:
    """Nodes and constants of a graph under construction; its methods return the names of outputs."""

    def __init__(self, length: int, features: int, prefix: str = "") -> None:
        self.length, self.features = length, features
        self._prefix = prefix  # a graph within a graph must have names of its own
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def constant(self, value: npt.NDArray[Any] | Sequence[float]) -> str:
        """A constant; floating-point numbers become float32, whole ones int64."""
        from onnx import numpy_helper

        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"{self._prefix}constant_{len(self._constants)}"
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """An operator with one output."""
        return self.nodes(operator, list(inputs), [name or self.fresh(operator)], **attributes)[0]

    def nodes(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> list[str]:
        """An operator with any number of outputs; an empty name means an output that nobody uses."""
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def fresh(self, operator: str) -> str:
        """A name that nothing has yet."""
        self._count += 1
        return f"{self._prefix}{operator.lower()}_{self._count}"

    def as_body(self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> onnx.GraphProto:
        """The nodes so far as the body of a loop."""
        from onnx import helper

        return helper.make_graph(self._nodes, "step", inputs, outputs, list(self._constants.values()))

    def scaled(self, scaler: Scaler) -> str:
        """The window as the detectors see it, [batch, length, features]."""
        centered = self.node("Sub", "window", self.constant(np.asarray(scaler.center)))
        divided = self.node("Div", centered, self.constant(np.asarray(scaler.scale)))
        return self.node("Asinh", divided) if scaler.bend else divided

    def total(self, values: str) -> str:
        """The sum of each row of [batch, n], in an order that does not depend on the size of the batch."""
        return self.node("ReduceSum", self.node("Transpose", values, perm=[1, 0]), self.constant([0]), keepdims=0)

    def finished(self, name: str, score: str, feature_errors: str, row_errors: str | None = None) -> bytes:
        """The graph as bytes, with these outputs."""
        import onnx
        from onnx import TensorProto, helper

        outputs = {"score": (score, ["batch"]), "feature_errors": (feature_errors, ["batch", self.features])}
        if row_errors is not None:
            outputs["row_errors"] = (row_errors, ["batch", self.length])
        for output, (source, _) in outputs.items():
            self.nodes("Identity", [source], [output])
        made = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", self.length, self.features])],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, (_, shape) in outputs.items()],
            list(self._constants.values()),
        )
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fsictl")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))
