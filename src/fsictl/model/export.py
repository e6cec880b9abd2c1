"""Versions in the forms that other programs load."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fsictl.errors import CheckFailedError, InputError, MissingExtraError, PreconditionError
from fsictl.model.card import Card
from fsictl.model.detectors.contract import AUTOENCODER
from fsictl.model.versions import CARD_FILE, KERAS_FILE, load_file
from fsictl.ports.artifacts import Artifacts

FORMATS = ("onnx", "keras", "savedmodel")


def export_version(artifacts: Artifacts, card: Card, form: str, folder: Path) -> list[Path]:
    """Write a version into a folder that is empty or not there; returns what was written.

    ``onnx``: the scoring graphs and the card, which is all that scoring needs, here or in ``model serve``. ``keras``:
    the network alone: scaled windows in, repeated windows out. ``savedmodel``: the autoencoder for TensorFlow, with
    scaling and score as in its graph; it needs the extra ``vertex``.
    """
    if form not in FORMATS:
        message = f"{form!r} is not a format of models"
        raise InputError(message, hint=f"Choose from {', '.join(FORMATS)}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} is already there"
        raise PreconditionError(message, hint="Choose another --out.")
    if form == "savedmodel":
        return _savedmodel(artifacts, card, folder)
    names = [KERAS_FILE] if form == "keras" else list(card.detectors.values())
    files = {name: load_file(artifacts, card, name) for name in names}
    if form == "onnx":
        files[CARD_FILE] = artifacts.get(card.version, CARD_FILE)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def _savedmodel(artifacts: Artifacts, card: Card, folder: Path) -> list[Path]:
    """In a process of its own, because Keras takes one backend a process and trains with another here."""
    from fsictl.model.savedmodel import facts_of

    if importlib.util.find_spec("tensorflow") is None:
        raise MissingExtraError(library="TensorFlow", extra="vertex")
    facts = facts_of(card, load_file(artifacts, card, card.detectors[AUTOENCODER]))
    with tempfile.TemporaryDirectory(prefix="fsictl-") as directory:
        network, score = Path(directory) / KERAS_FILE, Path(directory) / "score.json"
        network.write_bytes(load_file(artifacts, card, KERAS_FILE))
        score.write_text(facts.as_json(), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "fsictl.model.savedmodel", str(network), str(score), str(folder)],
            env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        message = f"TensorFlow could not write the SavedModel: {said}"
        raise CheckFailedError(message, hint="See whether the installed tensorflow and keras fit each other.")
    return sorted(path for path in folder.rglob("*") if path.is_file())
