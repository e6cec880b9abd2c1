from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.model.versions_of_chance import random_card, random_graph, random_scorer

import fsictl
from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.cli.main import main
from fsictl.cli.options import CommonOptions
from fsictl.cli.serve import _port, _scorer
from fsictl.cli.session import Session
from fsictl.errors import FsictlError
from fsictl.model.aliases import CHAMPION
from fsictl.model.detectors.autoencoder import autoencoder_graph
from fsictl.model.scaler import Scaler
from fsictl.model.scoring import GraphScorer
from fsictl.model.versions import Scorer, store_version

KERAS = b"not a network, but nobody looks"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fsictl").mkdir()
    artifacts = LocalArtifacts(tmp_path / ".fsictl")
    store_version(artifacts, random_card("v1"), keras_file=KERAS, graphs={"autoencoder": random_graph()})
    artifacts.point(CHAMPION, "v1")


def served(folder: Path | None = None, uri: str | None = None) -> Scorer:
    """What `model serve` would score with."""
    return _scorer(Session(CommonOptions()), "champion", folder, uri)


def test_graphs_and_card_score_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "export", "--out", "here", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2
    scorer = served(folder=tmp_path / "here")
    windows = np.random.default_rng(0).standard_normal((3, 30, 6)).astype(np.float32)
    np.testing.assert_array_equal(scorer.graph.score(windows).score, random_scorer().graph.score(windows).score)
    assert main(["model", "export", "--out", "here"]) == 3  # it is there already
    (tmp_path / "here" / "autoencoder.onnx").write_bytes(b"changed")
    with pytest.raises(FsictlError, match="not the file that was stored"):
        served(folder=tmp_path / "here")


def test_the_network_alone(tmp_path: Path) -> None:
    assert main(["model", "export", "--out", "k", "--format", "keras"]) == 0
    assert (tmp_path / "k" / "model.keras").read_bytes() == KERAS


def test_unknown_formats_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "export", "--out", "x", "--format", "pickle"]) == 3
    assert "onnx, keras, savedmodel" in capsys.readouterr().err


def test_a_savedmodel_names_its_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["model", "export", "--out", "x", "--format", "savedmodel"]) == 3
    assert "fsictl[vertex]" in capsys.readouterr().err


TENSORFLOW = Path(__file__).parents[2] / ".environments" / "tensorflow" / "bin" / "python"

LOAD = """
import sys, numpy, tensorflow
loaded = tensorflow.saved_model.load(sys.argv[1])
found = loaded.serve(tensorflow.constant(numpy.load(sys.argv[2])))
numpy.savez(sys.argv[3], **{name: value.numpy() for name, value in found.items()})
"""


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["standard", "ancestor"])
def test_a_savedmodel_gives_the_scores_of_the_graph(tmp_path: Path, preset: str) -> None:
    """By the command itself, in an environment with TensorFlow; loaded there by TensorFlow alone."""
    if not TENSORFLOW.exists():
        pytest.skip("there is no TensorFlow: `python scripts/environments.py tensorflow` makes one (1.7 GB)")
    from tests.model.versions_of_chance import random_weights

    from fsictl.model.making import _keras_file
    from fsictl.model.presets import preset_of

    rng, chosen = np.random.default_rng(5), preset_of(preset)
    count = len(chosen.features)
    card = replace(
        random_card("v2"),
        preset=preset,
        features=chosen.features,
        scaler=Scaler(tuple(rng.standard_normal(count)), tuple(rng.uniform(0.5, 2, count)), chosen.robust),
    )
    # Small ones: with large ones selu has no bound, and errors of rounding grow as the scores do.
    weights = [0.2 * one if one.ndim == 2 else one for one in random_weights(inputs=count)]
    reference = rng.uniform(0.5, 2, count).astype(np.float32)
    shape = {"length": card.length, "scaler": card.scaler, "score": chosen.score, "activation": chosen.activation}
    graph = autoencoder_graph(weights, reference=reference, **shape)
    artifacts = LocalArtifacts(tmp_path / ".fsictl")
    keras_file = _keras_file(weights, card.length, chosen)
    store_version(artifacts, card, keras_file=keras_file, graphs={"autoencoder": graph})
    environment = {**os.environ, "PYTHONPATH": str(Path(fsictl.__file__).parents[1])}
    export = [TENSORFLOW, "-P", "-m", "fsictl", "model", "export", "v2", "--out", "s", "--format", "savedmodel"]
    done = subprocess.run(export, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    windows = rng.standard_normal((64, card.length, count)).astype(np.float32)
    np.save(tmp_path / "windows.npy", windows)
    load = [TENSORFLOW, "-P", "-c", LOAD, "s", "windows.npy", "scores.npz"]
    subprocess.run(load, cwd=tmp_path, capture_output=True, check=True)
    found, expected = np.load(tmp_path / "scores.npz"), GraphScorer(graph).score(windows)
    np.testing.assert_allclose(found["score"], expected.score, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["feature_errors"], expected.feature_errors, rtol=1e-4, atol=1e-5)


def test_what_vertex_says_is_understood_or_refused() -> None:
    assert _port(None) == 8080
    assert _port("9000") == 9000
    for wrong in ("x", "70000", "-1"):
        with pytest.raises(FsictlError):
            _port(wrong)
    with pytest.raises(FsictlError, match="neither a folder of this machine nor one of a bucket"):
        served(uri="http://bucket/v1")


def test_a_version_is_found_in_the_workspace_or_where_vertex_says(tmp_path: Path) -> None:
    assert served().version == "v1"
    assert main(["model", "export", "--out", "here"]) == 0
    assert served(uri=f"file://{tmp_path / 'here'}").version == "v1"
    assert served(uri=str(tmp_path / "here")).version == "v1"


def test_a_version_is_served_by_a_process_of_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "fsictl", "model", "serve", "--port", "0", "--json"]
    environment = {**os.environ, "AIP_HEALTH_ROUTE": "/h", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            answer = httpx.get(f"{said['url'].rstrip('/')}/h")
            assert answer.json() == {"status": "ok", "model_version": "v1"}
        finally:
            process.terminate()
    assert process.returncode in {0, 130, -15}
