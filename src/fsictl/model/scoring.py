"""Scoring: windows to scores with ONNX Runtime, on one thread, without Keras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import InputError
from fsictl.model.windows import gather

BLOCK = 1024
"""Most windows scored at once, to bound memory."""


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
            part = slice(start, start + BLOCK)
            score[part], errors[part] = self._session.run(
                ["score", "feature_errors"], {"window": np.ascontiguousarray(windows[part])}
            )
        score[~np.isfinite(errors).all(axis=1)] = np.nan  # a graph's maximum passes over NaN
        return Scores(score, errors)


def score_windows(
    detector: GraphScorer, features: npt.NDArray[np.float32], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Scores of the windows of ``features`` [rows, features] that end at these rows, in bounded memory."""
    scores = np.empty(len(ends), dtype=np.float32)
    for start in range(0, len(ends), BLOCK):
        part = slice(start, start + BLOCK)
        scores[part] = detector.score(gather(features, ends[part], detector.length)).score
    return scores
