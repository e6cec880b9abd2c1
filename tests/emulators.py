"""Google's services on loopback, for tests: Pub/Sub by Google's own emulator, BigQuery and Cloud Storage by others.

``Emulators.start(folder)`` raises :class:`MissingEmulatorError`, which says what is not there.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".environments"
PROJECT = "proj-x"
_WAIT = 90.0
_ATTEMPTS = 3


class EndedError(Exception):
    """An emulator ended before it answered."""


class MissingEmulatorError(Exception):
    """An emulator is not on this machine; the text says which, and how to get it."""


@dataclass
class Emulators:
    """Addresses of the emulators that run, as ``host:port``."""

    pubsub: str
    bigquery: str
    bigquery_storage: str
    storage: str
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)

    @classmethod
    def start(cls, folder: Path) -> Emulators:
        """Start all three; their files and logs are kept in ``folder``."""
        commands = [_pubsub_command(), _bigquery_command(folder), _storage_command()]  # all are there, or none is begun
        for _ in range(_ATTEMPTS - 1):
            try:
                return cls._started(folder, commands)
            except EndedError:  # somebody else took a port between our choice and its use
                continue
        return cls._started(folder, commands)

    @classmethod
    def _started(cls, folder: Path, commands: list[list[str]]) -> Emulators:
        with ExitStack() as stack:
            ports = [free_port() for _ in range(4)]
            addresses = [f"127.0.0.1:{port}" for port in ports]
            pubsub, bigquery, storage = commands
            rest, grpc = [f"--rest-port={ports[1]}", f"--grpc-port={ports[2]}"], ["--log-level=warning"]
            processes = [
                _begin(stack, folder, "pubsub", [*pubsub, "--host=127.0.0.1", f"--port={ports[0]}"]),
                _begin(stack, folder, "bigquery", [*bigquery, *rest, *grpc], home=folder / "home"),
                _begin(stack, folder, "storage", [*storage, f"-port={ports[3]}", f"-public-host={addresses[3]}"]),
            ]
            _await(f"http://{addresses[0]}/", processes)
            _await(f"http://{addresses[1]}/bigquery/v2/projects/{PROJECT}/datasets", processes)
            _await(f"http://{addresses[3]}/storage/v1/b?project={PROJECT}", processes)
            return cls(*addresses, _stack=stack.pop_all())

    def environment(self) -> dict[str, str]:
        """The variables by which Google's libraries, and ours, find the emulators."""
        return {
            "PUBSUB_EMULATOR_HOST": self.pubsub,
            "BIGQUERY_EMULATOR_HOST": f"http://{self.bigquery}",
            "BIGQUERY_STORAGE_EMULATOR_HOST": self.bigquery_storage,
            "STORAGE_EMULATOR_HOST": f"http://{self.storage}",
        }

    def stop(self) -> None:
        """End them."""
        self._stack.close()


def _pubsub_command() -> list[str]:
    if shutil.which("java") is None:
        message = "the Pub/Sub emulator needs Java"
        raise MissingEmulatorError(message)
    jars = sorted(_cloud_sdk().glob("platform/pubsub-emulator/lib/*.jar"))
    if not jars:
        message = "the Pub/Sub emulator is missing: gcloud components install pubsub-emulator"
        raise MissingEmulatorError(message)
    return ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-jar", str(jars[-1])]


@functools.cache
def _cloud_sdk() -> Path:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        message = "the Pub/Sub emulator is missing: it comes with the Google Cloud SDK"
        raise MissingEmulatorError(message)
    beside = Path(gcloud).resolve().parent.parent
    if (beside / "platform").is_dir():
        return beside
    told = subprocess.run([gcloud, "info", "--format=json"], capture_output=True, check=True)
    return Path(json.loads(told.stdout)["installation"]["sdk_root"])


def _bigquery_command(folder: Path) -> list[str]:
    environment = ENVIRONMENTS / "bqemulator"
    extensions = list(environment.glob("lib/python3*/site-packages/duckdb_extension_spatial/extensions/*/*"))
    if not extensions:
        message = "the BigQuery emulator is missing: python scripts/environments.py bqemulator"
        raise MissingEmulatorError(message)
    there = folder / "home" / ".duckdb" / "extensions" / extensions[0].parent.name / "linux_amd64"
    there.mkdir(parents=True)
    (there / extensions[0].name).symlink_to(extensions[0])
    return [str(environment / "bin" / "bqemulator"), "start", f"--project={PROJECT}"]


def _storage_command() -> list[str]:
    binaries = list((ENVIRONMENTS / "gcs").glob("lib/python3*/site-packages/*/vendor/*/bin/fake-gcs-server-*"))
    if not binaries:
        message = "the Cloud Storage emulator is missing: python scripts/environments.py gcs"
        raise MissingEmulatorError(message)
    return [str(binaries[0]), "-scheme=http", "-host=127.0.0.1", "-backend=memory", "-log-level=warn"]


def _begin(
    stack: ExitStack, folder: Path, name: str, command: list[str], home: Path | None = None
) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home or folder)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder, start_new_session=True
        )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await(url: str, processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until something answers there, and every emulator still runs: then it is ours."""
    deadline = time.monotonic() + _WAIT
    while not _answers(url):
        _require_all(processes)
        if time.monotonic() > deadline:
            message = f"nothing answers at {url}"
            raise TimeoutError(message)
        time.sleep(0.1)
    _require_all(processes)


def _require_all(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is not None:
            message = f"{process.args!r} ended with {process.returncode}"
            raise EndedError(message)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - an address of this machine
            return True
    except OSError:  # an error of HTTP, too: then it is somebody else's port
        return False
