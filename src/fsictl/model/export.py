"""Versions in the forms that other programs load."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fsictl.errors import CheckFailedError, InputError, PreconditionError
from fsictl.model.card import Card
from fsictl.model.versions import CARD_FILE, KERAS_FILE, load_file
from fsictl.ports.artifacts import Artifacts

FORMATS = ("onnx", "keras", "savedmodel")


def export_version(artifacts: Artifacts, card: Card, form: str, folder: Path) -> list[Path]:
    """Write a version into a folder that is empty or not there; returns what was written.

    ``onnx``: the scoring graphs and the card, which is all that scoring needs, here or in ``model serve``. ``keras``:
    the network alone. ``savedmodel``: the network for TensorFlow, which needs the extra ``vertex``. Network means
    scaled windows in, repeated windows out; scaling and score are in the graphs only.
    """
    if form not in FORMATS:
        message = f"{form!r} is not a format of models"
        raise InputError(message, hint=f"Choose from {', '.join(FORMATS)}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} is already there"
        raise PreconditionError(message, hint="Choose another --out.")
    if form == "savedmodel":
        return _savedmodel(load_file(artifacts, card, KERAS_FILE), folder)
    names = [KERAS_FILE] if form == "keras" else list(card.detectors.values())
    files = {name: load_file(artifacts, card, name) for name in names}
    if form == "onnx":
        files[CARD_FILE] = artifacts.get(card.version, CARD_FILE)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in files]


def _savedmodel(keras_file: bytes, folder: Path) -> list[Path]:
    """In a process of its own, because Keras takes one backend a process and trains with another here."""
    if importlib.util.find_spec("tensorflow") is None:
        message = "a SavedModel needs TensorFlow, which is not installed"
        raise PreconditionError(message, hint="Install it with: pip install 'fsictl[vertex]'.")
    with tempfile.TemporaryDirectory(prefix="fsictl-") as directory:
        source = Path(directory) / KERAS_FILE
        source.write_bytes(keras_file)
        done = subprocess.run(
            [sys.executable, "-P", "-c", _SCRIPT, str(source), str(folder)],
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


_SCRIPT = (
    "import sys, keras\n"
    "network = keras.models.load_model(sys.argv[1], compile=False, safe_mode=True)\n"
    "network.export(sys.argv[2], verbose=False)\n"
)
