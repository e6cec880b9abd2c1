"""Scoring: windows to scores with ONNX Runtime, on one thread, without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import InputError
from fsictl.model.windows import gather

BLOCK = 64
"""Windows scored at once, always: ONNX Runtime adds up in an order that depends on the size of the batch, and a
score must not. Fewer are filled up with empty ones."""

GATHERED = 4096
"""Windows gathered at once at most, to bound memory."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One score per window, and the errors per feature [windows, features] of which it is the largest."""

    score: npt.NDArray[np.float32]
    feature_errors: npt.NDArray[np.float32]


class GraphScorer:
    """Runs a scoring graph. ``InputError`` when the bytes are not one."""

    def __init__(self, graph: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Optimised, sums would run over other axes than the graph says, in an order that the place in a batch decides.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session: Any = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            shape = self._session.get_inputs()[0].shape
            self.length, self.features = int(shape[1]), int(shape[2])
        except Exception as error:  # ONNX Runtime's own exception classes share no base but this
            message = "the model's scoring graph cannot be loaded"
            raise InputError(message, hint="Choose another version, or train a new one.") from error

    def row_errors(self, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
        """How far off each row of each window is [windows, length]; ``None`` for a detector that looks at no rows."""
        if "row_errors" not in {output.name for output in self._session.get_outputs()}:
            return None
        (errors,) = self._session.run(["row_errors"], {"window": np.ascontiguousarray(windows)})
        found: npt.NDArray[np.float32] = errors
        return found

    def score(self, windows: npt.NDArray[np.float32]) -> Scores:
        """Scores of raw feature windows [windows, length, features]; NaN where a feature is not a finite number."""
        score = np.empty(len(windows), dtype=np.float32)
        errors = np.empty((len(windows), self.features), dtype=np.float32)
        for start in range(0, len(windows), BLOCK):
            part = windows[start : start + BLOCK]
            end = start + len(part)
            found = self._session.run(["score", "feature_errors"], {"window": _filled_up(part)})
            score[start:end], errors[start:end] = (values[: len(part)] for values in found)
        score[~np.isfinite(errors).all(axis=1)] = np.nan  # a graph's maximum passes over NaN
        return Scores(score, errors)


def _filled_up(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """:data:`BLOCK` windows: these, and empty ones."""
    if len(windows) == BLOCK:
        return np.ascontiguousarray(windows, dtype=np.float32)
    block = np.zeros((BLOCK, *windows.shape[1:]), dtype=np.float32)
    block[: len(windows)] = windows
    return block


def score_windows(
    detector: GraphScorer, features: npt.NDArray[np.float32], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Scores of the windows of ``features`` [rows, features] that end at these rows, in bounded memory."""
    scores = np.empty(len(ends), dtype=np.float32)
    for start in range(0, len(ends), GATHERED):
        part = slice(start, start + GATHERED)
        scores[part] = detector.score(gather(features, ends[part], detector.length)).score
    return scores
