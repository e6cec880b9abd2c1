"""The distance of a window's statistics from those of ordinary windows, in units of how these spread together.

Six statistics a feature (mean, standard deviation, maximum, minimum, last value, largest step) are standardised and
multiplied with the inverse square root of their correlations, which Ledoit and Wolf's shrinkage keeps well
conditioned (Journal of Multivariate Analysis 88, 2004). The squares of what comes out add up to the squared
Mahalanobis distance, and each of them belongs to one statistic (Garthwaite and Koch, Australian & New Zealand
Journal of Statistics 58, 2016): so a score can say which feature it is about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsictl.model.columns import Floats
from fsictl.model.detectors.graph import Array, Graph
from fsictl.model.scaler import Scaler

STATISTICS = ("mean", "standard deviation", "maximum", "minimum", "last", "largest step")
"""The statistics of each feature, in the order of :func:`statistics_of`."""

LEAST_SPREAD = 1e-3
"""Smallest standard deviation of a statistic, for one that never changes."""


@dataclass(frozen=True, slots=True)
class Whitening:
    """Center and spread of each statistic, [features × 6], and the inverse square root of their correlations."""

    center: Floats
    spread: Floats
    matrix: Floats


def statistics_of(scaled: Array) -> Floats:
    """The statistics of scaled windows [windows, length, features], as [windows, 6 × features], by statistic."""
    x = scaled.astype(np.float64)
    steps = np.abs(np.diff(x, axis=1)).max(axis=1)
    return np.concatenate([x.mean(1), x.std(1), x.max(1), x.min(1), x[:, -1], steps], axis=1)


def fit_mahalanobis(scaled: Array) -> Whitening:
    """The whitening of the statistics of these scaled, ordinary windows."""
    statistics = statistics_of(scaled)
    center = statistics.mean(axis=0)
    spread = np.maximum(statistics.std(axis=0), LEAST_SPREAD)
    standard = (statistics - center) / spread
    values, vectors = np.linalg.eigh(ledoit_wolf(standard))
    return Whitening(center, spread, (vectors / np.sqrt(values)) @ vectors.T)


def ledoit_wolf(samples: Floats) -> Floats:
    """The covariance of centred samples [n, p], drawn towards a multiple of the identity as far as n is small.

    >>> ledoit_wolf(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    n, p = samples.shape
    covariance = samples.T @ samples / n
    mean = np.trace(covariance) / p
    target = mean * np.eye(p)
    distance = np.sum((covariance - target) ** 2)
    noise = (np.sum((samples**2).T @ samples**2) / n - np.sum(covariance**2)) / n
    share = 0.0 if distance <= 0 else min(max(noise / distance, 0.0), 1.0)
    shrunk: Floats = (1 - share) * covariance + share * target
    return shrunk


def mahalanobis_graph(whitening: Whitening, *, length: int, scaler: Scaler) -> bytes:
    """The scoring graph: ``score`` is the squared distance over the number of statistics, about 1 when ordinary.

    ``feature_errors`` are the parts of the score that belong to each feature; they add up to it.
    """
    graph = Graph(length, len(scaler.center))
    return graph.finished("mahalanobis", *add_mahalanobis(graph, graph.scaled(scaler), whitening))


def add_mahalanobis(graph: Graph, scaled: str, whitening: Whitening) -> tuple[str, str]:
    """The names of score and feature errors, computed from the scaled window of that name.

    All sums run over the first axis: over others ONNX Runtime adds in an order that depends on the size of the batch.
    """
    rows = graph.node("Transpose", scaled, perm=[1, 0, 2])  # [length, batch, features]
    mean = graph.node("ReduceMean", rows, axes=[0], keepdims=1)
    centered = graph.node("Sub", rows, mean)
    variance = graph.node("ReduceMean", graph.node("Mul", centered, centered), axes=[0], keepdims=0)
    first = graph.constant([0])
    statistics = [
        graph.node("Squeeze", mean, first),
        graph.node("Sqrt", variance),
        graph.node("ReduceMax", rows, axes=[0], keepdims=0),
        graph.node("ReduceMin", rows, axes=[0], keepdims=0),
        graph.node("Squeeze", graph.node("Gather", rows, graph.constant([graph.length - 1]), axis=0), first),
        graph.node("ReduceMax", graph.node("Abs", _steps(graph, rows)), axes=[0], keepdims=0),
    ]
    joined = graph.node("Concat", *statistics, axis=1)
    standard = graph.node(
        "Div", graph.node("Sub", joined, graph.constant(whitening.center)), graph.constant(whitening.spread)
    )
    count = len(whitening.center)
    column = graph.node("Unsqueeze", graph.node("Transpose", standard, perm=[1, 0]), graph.constant([2]))
    products = graph.node("Mul", column, graph.constant(whitening.matrix[:, None, :]))  # [from, batch, to]
    white = graph.node("ReduceSum", products, first, keepdims=0)
    squares = graph.node("Div", graph.node("Mul", white, white), graph.constant(np.array([float(count)])))
    by_feature = graph.node("Reshape", squares, graph.constant([-1, len(STATISTICS), graph.features]))
    by_statistic = graph.node("Transpose", by_feature, perm=[1, 0, 2])
    errors = graph.node("ReduceSum", by_statistic, first, keepdims=0)
    return graph.total(errors), errors


def _steps(graph: Graph, rows: str) -> str:
    first, last = graph.constant([0]), graph.constant([graph.length - 1])
    later = graph.node("Slice", rows, graph.constant([1]), graph.constant([graph.length]), first)
    return graph.node("Sub", later, graph.node("Slice", rows, first, last, first))
