"""The invoker over real HTTP, asked by schemathesis for everything that its OpenAPI document allows, and more."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest
from tests.jobs.conftest import Place
from tests.jobs.test_invoker import make

from fsictl.dashboard.serve import serve

SCHEMATHESIS = Path(__file__).parents[2] / ".environments" / "schemathesis" / "bin" / "schemathesis"


@pytest.mark.slow
@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="no schemathesis: python scripts/environments.py schemathesis")
def test_the_invoker_keeps_its_word(place: Place, tmp_path: Path) -> None:
    ready, stop = threading.Event(), threading.Event()
    address: list[str] = []

    def on_ready(url: str) -> None:
        address.append(url)
        ready.set()

    server = threading.Thread(
        target=serve, args=(make(place).app(), "127.0.0.1", 0, on_ready), kwargs={"stop": stop}, daemon=True
    )
    server.start()
    try:
        assert ready.wait(60.0)
        done = subprocess.run(
            [
                *(str(SCHEMATHESIS), "run", f"{address[0]}openapi.json"),
                *("--max-examples", "15", "--seed", "1", "--generation-database", "none"),
                # Which parameters there are depends on the workload, and which days on the clock.
                *("--exclude-checks", "positive_data_acceptance"),
                *("--no-color", "--request-timeout", "60"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )
    finally:
        stop.set()
        server.join(timeout=30.0)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert "Tested: 5" in done.stdout
