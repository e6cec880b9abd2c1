"""Two detectors as one: the surprise of each, −log of its p-value, added up (Fisher's method).

The p-value of a score comes from scores of held-out windows. Between their quantiles, and beyond the largest, the
surprise is a straight line over the logarithm of the score: a tail like Pareto's, so that two windows far out are
still told apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsictl.model.columns import Floats
from fsictl.model.detectors.autoencoder import add_autoencoder
from fsictl.model.detectors.graph import Array, Graph
from fsictl.model.detectors.mahalanobis import Whitening, add_mahalanobis
from fsictl.model.network import Weights
from fsictl.model.scaler import Scaler

LEAST_SCORE = 1e-12

_LEVELS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""The p-values at which the line may bend, as far as there are scores enough."""

_LEAST_BEYOND = 10
"""Held-out scores that must lie above a bend."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """−log p as a line over the log score: it starts at the first knot and bends by ``bend`` at each."""

    knots: Floats
    bends: Floats

    def of(self, scores: Array) -> Floats:
        """The surprise of scores.

        >>> Surprise(np.array([0.0]), np.array([2.0])).of(np.exp(np.array([-1.0, 0.0, 1.5]))).round(6).tolist()
        [0.0, 0.0, 3.0]
        """
        logs = np.log(np.maximum(scores, LEAST_SCORE))
        return np.asarray((np.maximum(logs[:, None] - self.knots, 0.0) * self.bends).sum(axis=1))


def fit_surprise(scores: Array) -> Surprise:
    """The surprise line through the quantiles of scores of held-out windows."""
    levels = [level for level in _LEVELS if level * len(scores) >= _LEAST_BEYOND] or [_LEVELS[0]]
    lowest = np.quantile(scores, 0.05)
    at = np.log(np.maximum([lowest, *np.quantile(scores, [1 - level for level in levels])], LEAST_SCORE))
    at = at + np.arange(len(at)) * 1e-6  # never two at the same place
    heights = -np.log([1.0, *levels])
    slopes = np.diff(heights) / np.diff(at)
    return Surprise(at[:-1], np.diff(slopes, prepend=0.0))


def combination_graph(
    weights: Weights,
    whitening: Whitening,
    *,
    length: int,
    scaler: Scaler,
    reference: Array,
    surprises: tuple[Surprise, Surprise],
) -> bytes:
    """The scoring graph of autoencoder (fmax) and Mahalanobis together.

    ``score`` is the sum of their surprises. Each surprise is shared out to the features as its detector's errors are.
    """
    graph = Graph(length, len(scaler.center))
    scaled = graph.scaled(scaler)
    network = add_autoencoder(graph, scaled, weights, reference=reference, score="fmax", activation="tanh")
    parts = []
    for (score, errors), surprise in zip(
        (network[:2], add_mahalanobis(graph, scaled, whitening)), surprises, strict=True
    ):
        total = graph.node("Unsqueeze", graph.total(errors), graph.constant([1]))
        shares = graph.node("Div", errors, graph.node("Max", total, graph.constant([LEAST_SCORE])))
        parts.append((_surprise(graph, score, surprise), shares))
    (first, first_shares), (second, second_shares) = parts
    axis = graph.constant([1])
    errors = graph.node(
        "Add",
        graph.node("Mul", graph.node("Unsqueeze", first, axis), first_shares),
        graph.node("Mul", graph.node("Unsqueeze", second, axis), second_shares),
    )
    return graph.finished("combination", graph.node("Add", first, second), errors, network[2])


def _surprise(graph: Graph, score: str, surprise: Surprise) -> str:
    logs = graph.node("Log", graph.node("Max", score, graph.constant([LEAST_SCORE])))
    beyond = graph.node("Sub", graph.node("Unsqueeze", logs, graph.constant([1])), graph.constant(surprise.knots))
    return graph.total(graph.node("Mul", graph.node("Relu", beyond), graph.constant(surprise.bends)))
