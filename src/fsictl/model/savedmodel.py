"""The autoencoder as a SavedModel of TensorFlow, scaling and score inside: a program of its own.

``python -m fsictl.model.savedmodel NETWORK.keras SCORE.json FOLDER``, because Keras takes one backend a process, and
trains with another here. Its signature takes raw windows, as the ONNX graph does, and gives the same.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fsictl.errors import InputError
from fsictl.model.card import Card
from fsictl.model.network import build_network
from fsictl.model.presets import preset_of


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """What turns a network into a score: scaling, and by what and how the features' errors become one number."""

    length: int
    center: tuple[float, ...]
    scale: tuple[float, ...]
    bend: bool
    reference: tuple[float, ...]
    largest: bool
    activation: str

    def as_json(self) -> str:
        """For the program that runs under TensorFlow."""
        return json.dumps(asdict(self))


def facts_of(card: Card, graph: bytes) -> ScoreFacts:
    """The facts from the card, and the reference errors from the autoencoder's ONNX graph, which holds them."""
    scaler = card.scaler
    preset = preset_of(card.preset)
    largest, activation = preset.score == "fmax", preset.activation
    return ScoreFacts(card.length, scaler.center, scaler.scale, scaler.bend, _reference(graph), largest, activation)


def _reference(graph: bytes) -> tuple[float, ...]:
    """What the squared errors are divided by: the constant of the only division of a product."""
    import onnx
    from onnx import numpy_helper

    body = onnx.load_from_string(graph).graph
    products = {node.output[0] for node in body.node if node.op_type == "Mul"}
    constants = {one.name: one for one in body.initializer}
    found = [node.input[1] for node in body.node if node.op_type == "Div" and node.input[0] in products]
    if len(found) != 1:
        message = "the autoencoder's graph is not of the form that this fsictl writes"
        raise InputError(message, hint="Use the fsictl that made it, or train a new version.")
    return tuple(float(value) for value in numpy_helper.to_array(constants[found[0]]))


def write(network_file: Path, facts: ScoreFacts, folder: Path) -> None:
    """Write the SavedModel; Keras must run on TensorFlow."""
    import keras
    import tensorflow as tf

    network = build_network(facts.length, len(facts.center), facts.activation)
    network.load_weights(network_file)  # nothing else of the file: it could name functions to call
    center, scale, reference = (tf.constant(one, tf.float32) for one in (facts.center, facts.scale, facts.reference))

    def serve(window: Any) -> dict[str, Any]:
        scaled = (window - center) / scale
        scaled = tf.asinh(scaled) if facts.bend else scaled
        squared = tf.square(network(scaled, training=False) - scaled) / reference
        errors = tf.reduce_mean(squared, axis=1)
        score = tf.reduce_max(errors, axis=1) if facts.largest else tf.reduce_mean(errors, axis=1)
        return {"score": score, "feature_errors": errors, "row_errors": tf.reduce_max(squared, axis=2)}

    archive = keras.export.ExportArchive()
    archive.track(network)
    shape = tf.TensorSpec((None, facts.length, len(facts.center)), tf.float32, name="window")
    archive.add_endpoint("serve", serve, input_signature=[shape])
    archive.write_out(str(folder), verbose=False)


def main(arguments: list[str]) -> None:
    """See the module."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    network, facts, folder = map(Path, arguments)
    read = json.loads(facts.read_text(encoding="utf-8"))
    center, scale, reference = (tuple(read[name]) for name in ("center", "scale", "reference"))
    write(
        network,
        ScoreFacts(read["length"], center, scale, read["bend"], reference, read["largest"], read["activation"]),
        folder,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
