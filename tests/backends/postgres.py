"""A PostgreSQL of the tests' own: on loopback, in a folder of its own, gone in the end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
MISSING = "there is no PostgreSQL: `python scripts/environments.py postgres` makes one"
LONGEST = 60.0


def programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres``: in the environment made for the tests, else the system's."""
    packaged = sorted((ROOT / ".environments" / "postgres").glob("lib/python*/site-packages/*/pginstall/bin/initdb"))
    found = shutil.which("initdb")
    system = [Path(found).resolve()] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    candidates = [file.parent for file in (*packaged, *reversed(system)) if (file.parent / "postgres").exists()]
    return candidates[0] if candidates else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """A running server with programs from ``folder``; the URL of its database ``postgres``, password included."""
    data = Path(tempfile.mkdtemp(prefix="fsictl-postgres-"))
    account = _account()
    process: subprocess.Popen[bytes] | None = None
    try:
        password = secrets.token_hex(8)
        (data / "password").write_text(password)
        for path in (data, data / "password"):
            os.chown(path, account.get("user", -1), account.get("group", -1))
        folder = _within_reach(folder, data, account)
        options = ["--username", "fsictl", "--auth", "scram-sha-256", "--pwfile", str(data / "password")]
        options += ["--encoding", "UTF8", "--locale", "C", "--no-sync"]
        made = [str(folder / "initdb"), "--pgdata", str(data / "data"), *options]
        subprocess.run(made, check=True, capture_output=True, cwd=data, **account)
        port = free_port()
        settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            [str(folder / "postgres"), "-D", str(data / "data"), *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=data,
            **account,
        )
        url = f"postgresql://fsictl:{password}@127.0.0.1:{port}/postgres"
        _wait(process, url)
        yield url
    finally:
        if process is not None:
            process.send_signal(signal.SIGQUIT)  # at once: its files are thrown away
            process.wait(LONGEST)
        shutil.rmtree(data, ignore_errors=True)


def _account() -> dict[str, Any]:
    """PostgreSQL does not run as root: then it runs as nobody."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _within_reach(folder: Path, data: Path, account: dict[str, Any]) -> Path:
    """The programs where that account may run them: copied if the working copy is closed to others."""
    try:
        subprocess.run([str(folder / "initdb"), "--version"], check=True, capture_output=True, cwd=data, **account)
    except (OSError, subprocess.CalledProcessError):
        package = folder.parents[1]
        for part in (package, package.with_name(f"{package.name}.libs")):  # the wheel's libraries lie beside it
            shutil.copytree(part, data / "programs" / part.name, symlinks=True)
        return data / "programs" / folder.relative_to(package.parent)
    return folder


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    import psycopg

    end = time.monotonic() + LONGEST
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < end, "the server does not answer"
            time.sleep(0.1)
        else:
            return
