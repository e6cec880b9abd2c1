from __future__ import annotations

import numpy as np
import pytest
from tests.model.versions_of_chance import random_weights

from fsictl.model.detectors.autoencoder import autoencoder_graph, reference_of
from fsictl.model.detectors.baselines import LargestValue, fit_forest, fit_principal_components
from fsictl.model.detectors.combination import combination_graph, fit_surprise
from fsictl.model.detectors.mahalanobis import fit_mahalanobis, ledoit_wolf, mahalanobis_graph, statistics_of
from fsictl.model.scaler import Scaler
from fsictl.model.scoring import GraphScorer

RNG = np.random.default_rng(4)
SCALER = Scaler((0.1,) * 6, (1.5,) * 6)
WINDOWS = RNG.standard_normal((800, 30, 6)).astype(np.float32)
STRANGE = (WINDOWS[:50] * np.array([1, 1, 4, 1, 1, 1])).astype(np.float32)  # the third feature is restless
WHITENING = fit_mahalanobis(SCALER.transform(WINDOWS))


def mahalanobis() -> GraphScorer:
    return GraphScorer(mahalanobis_graph(WHITENING, length=30, scaler=SCALER))


def test_the_mahalanobis_graph_computes_the_distance_of_the_statistics():
    made = mahalanobis().score(WINDOWS)
    statistics = statistics_of(SCALER.transform(WINDOWS))
    standard = (statistics - WHITENING.center) / WHITENING.spread
    inverse = np.linalg.inv(ledoit_wolf(standard))
    expected = np.einsum("ij,jk,ik->i", standard, inverse, standard) / 36
    np.testing.assert_allclose(made.score, expected, rtol=1e-4)
    np.testing.assert_allclose(made.feature_errors.sum(axis=1), made.score, rtol=1e-5)
    assert made.score.mean() == pytest.approx(1.0, abs=0.05)


def test_the_feature_that_is_strange_has_the_largest_share():
    made = mahalanobis().score(STRANGE)
    assert (made.feature_errors.argmax(axis=1) == 2).mean() > 0.95
    assert made.score.min() > np.quantile(mahalanobis().score(WINDOWS).score, 0.99)


@pytest.mark.parametrize("count", [50, 800])
def test_the_shrinkage_is_that_of_ledoit_and_wolf(count):
    sklearn = pytest.importorskip("sklearn.covariance")
    samples = RNG.standard_normal((count, 12)) @ RNG.standard_normal((12, 12))
    samples -= samples.mean(axis=0)
    expected, _ = sklearn.ledoit_wolf(samples, assume_centered=True)
    np.testing.assert_allclose(ledoit_wolf(samples), expected, rtol=1e-9)


def test_a_statistic_that_never_changes_does_no_harm():
    flat = WINDOWS.copy()
    flat[:, :, 5] = 3.0
    whitening = fit_mahalanobis(SCALER.transform(flat))
    made = GraphScorer(mahalanobis_graph(whitening, length=30, scaler=SCALER)).score(flat)
    assert np.isfinite(made.score).all()


def scorers() -> tuple[GraphScorer, GraphScorer, GraphScorer, tuple]:
    weights, ones = random_weights(1), np.ones(6, np.float32)
    shape = {"length": 30, "scaler": SCALER}
    plain = GraphScorer(autoencoder_graph(weights, reference=ones, **shape))
    reference = reference_of(plain.score(WINDOWS).feature_errors)
    autoencoder = GraphScorer(autoencoder_graph(weights, reference=reference, **shape))
    surprises = tuple(fit_surprise(one.score(WINDOWS).score) for one in (autoencoder, mahalanobis()))
    graph = combination_graph(weights, WHITENING, reference=reference, surprises=surprises, **shape)
    return autoencoder, mahalanobis(), GraphScorer(graph), surprises


def test_the_combination_adds_up_the_surprise_of_both():
    first, second, both, surprises = scorers()
    expected = surprises[0].of(first.score(STRANGE).score) + surprises[1].of(second.score(STRANGE).score)
    made = both.score(STRANGE)
    np.testing.assert_allclose(made.score, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(made.feature_errors.sum(axis=1), made.score, rtol=1e-4)


def test_a_surprise_is_minus_the_logarithm_of_the_share_above():
    scores = RNG.lognormal(size=20_000).astype(np.float32)
    surprise = fit_surprise(scores)
    for level in (0.5, 0.1, 0.01):
        assert surprise.of(np.quantile(scores, [1 - level]))[0] == pytest.approx(-np.log(level), rel=1e-3)
    far = surprise.of(scores.max() * np.array([1.0, 10.0, 100.0]))
    assert np.all(np.diff(far) > 1)  # beyond the largest score known, too, two scores are told apart


@pytest.mark.parametrize("size", [1, 2, 7])
def test_scores_do_not_depend_on_the_batch(size):
    for scorer in scorers()[:3]:
        parts = [scorer.score(WINDOWS[i : i + size]).score for i in range(0, 42, size)]
        np.testing.assert_array_equal(np.concatenate(parts)[:42], scorer.score(WINDOWS).score[:42])


def test_a_window_that_is_not_finite_has_no_score():
    broken = WINDOWS[:3].copy()
    broken[1, 4, 2] = np.nan
    broken[2, 4, 2] = np.inf
    for scorer in scorers()[:3]:
        score = scorer.score(broken).score
        assert np.isfinite(score[0])
        assert np.isnan(score[1:]).all()


def test_the_autoencoder_tells_which_second_is_wrong():
    spiked = WINDOWS[:1].copy() * 0.01
    spiked[0, 17, 0] = 50.0
    errors = scorers()[0].row_errors(spiked)
    assert errors is not None
    assert errors.shape == (1, 30)
    assert errors[0].argmax() == 17
    assert mahalanobis().row_errors(spiked) is None


@pytest.mark.slow
def test_the_graph_of_the_ancestor_is_its_network():
    from fsictl.model.network import build_network, set_weights

    weights = [0.5 * weight if weight.ndim == 2 else weight for weight in random_weights(2)]
    network = build_network(30, 6, "selu")
    set_weights(network, weights)
    scaler = Scaler((0.1,) * 6, (1.5,) * 6, bend=False)
    graph = autoencoder_graph(
        weights, length=30, scaler=scaler, reference=np.ones(6, np.float32), score="mse", activation="selu"
    )
    scaled = scaler.transform(WINDOWS[:40])
    expected = ((network.predict(scaled, verbose=0, batch_size=40) - scaled) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(GraphScorer(graph).score(WINDOWS[:40]).score, expected, rtol=1e-4)


def test_baselines_rank_strange_windows_above_ordinary_ones():
    found = [LargestValue(SCALER), fit_principal_components(WINDOWS, SCALER), fit_forest(WINDOWS, SCALER, seed=1)]
    for detector in found:
        if detector is not None:  # the forest needs scikit-learn
            assert np.median(detector.score(STRANGE).score) > np.quantile(detector.score(WINDOWS).score, 0.8)
