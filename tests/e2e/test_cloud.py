"""The installed command on Google's emulators: the same prices leave the same rows as on the local target."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Fsictl, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

SERIES = ("--symbols", "EURUSD,CADJPY", "--seed", "7", "--duration", "12m", "--start", "2024-01-01T00:00:00Z")
ORDERED = "SELECT * FROM {} ORDER BY symbol, timestamp"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("google.pubsub_v1", reason="no Google libraries: pip install 'fsictl[gcp]'")
    from tests.cloud import Place, running_emulators

    from fsictl.clock import SystemClock
    from fsictl.model.bootstrap import install

    with running_emulators(tmp_path_factory.mktemp("emulators")) as environment:
        place = Place(environment, SystemClock())
        place.make_topics()
        install(place.artifacts, place.warehouse, at=0)  # also makes the tables and the bucket
        yield place


def run_until(fsictl: Fsictl, env: Mapping[str, str], pipeline: tuple[str, ...], done: Any) -> dict[str, Any]:
    """A pipeline in the foreground until something holds; what it says in the end."""
    process = fsictl.start(*pipeline, "--json", env=env)
    eventually(lambda: process.poll() is not None or done(), f"{pipeline} worked everything off")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    fsictl.started.remove(process)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    import json

    return dict(json.loads(out))


def rows_of(fsictl: Fsictl, sql: str, env: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    return list(fsictl("query", sql, "--limit", 1_000_000, "--json", env=env).json)


def test_the_same_prices_leave_the_same_rows(fsictl: Fsictl, cloud: Any, tmp_path: Path) -> None:
    from fsictl.backends.local.artifacts import LocalArtifacts
    from fsictl.backends.local.warehouse import LocalWarehouse
    from fsictl.clock import SystemClock
    from fsictl.model.bootstrap import install

    env = cloud.settings
    sent = fsictl("generate", *SERIES, "--speed", "max", "--json", env=env).json
    assert sent["ticks"] > 1000

    def counters(pipeline: str) -> Mapping[str, int]:
        progress = cloud.open_messenger().progress(pipeline)
        return {} if progress is None else progress.counters

    # The last second closes and is filled for a minute after the source said that it ends.
    made = run_until(fsictl, env, ("metrics", "run"), lambda: counters("metrics").get("rows", 0) >= 2 * 720)
    assert (made["ticks"], made["late"], made["rejected"]) == (sent["ticks"], 0, 0)

    fsictl("generate", *SERIES, "--speed", "max")
    install(LocalArtifacts(tmp_path / ".fsictl"), LocalWarehouse(tmp_path / ".fsictl", SystemClock()), at=0)
    fsictl("stream", "start")
    fsictl("stream", "stop", "--drain")
    local_rows, local_verdicts = (rows_of(fsictl, ORDERED.format(table)) for table in ("metrics", "reconerr"))
    assert len(local_rows) == made["rows"]
    assert len(local_verdicts) > 100

    judged = run_until(
        fsictl, env, ("infer", "run"), lambda: counters("infer").get("verdicts", 0) >= len(local_verdicts)
    )
    assert judged["verdicts"] == len(local_verdicts)
    awaited = {"metrics": len(local_rows), "prices": sent["ticks"], "reconerr": len(local_verdicts)}
    stored = run_until(
        fsictl,
        env,
        ("stream", "start", "--foreground", "--only", "sink"),
        lambda: awaited.items() <= counters("sink").items(),
    )
    assert stored["rejected"] == 0
    assert rows_of(fsictl, ORDERED.format("metrics"), env) == local_rows  # floats to the last bit
    assert rows_of(fsictl, ORDERED.format("reconerr"), env) == local_verdicts

    shown = fsictl("metrics", "show", "EURUSD", "--json", env=env).json
    assert shown[-1]["timestamp"] == max(row["timestamp"] for row in local_rows if row["symbol"] == "EURUSD")
    for target, extra in (("cloud", env), ("local", {})):
        fsictl("export", "prices", "--out", f"{target}.parquet", env=extra)
    import pyarrow.parquet as pq

    assert pq.read_table(tmp_path / "cloud.parquet").equals(pq.read_table(tmp_path / "local.parquet"))

    alerts = fsictl("alerts", "list", "--unreliable", "--json").json
    assert len(alerts) >= 1
    asked = [("alerts", "list", "--unreliable"), ("alerts", "explain", alerts[0]["id"]), ("model", "list")]
    for command in asked:
        assert fsictl(*command, "--json", env=env).json == fsictl(*command, "--json").json
    assert fsictl("dead-letter", "list", "--json", env=env).json == []
    found = fsictl("status", "--json", env=env).json
    states = {one["pipeline"]: one["counters"].get("rows") for one in found["pipelines"]}
    assert states["metrics"] == made["rows"]
    assert found["newest"] == local_rows[-1]["timestamp"]


def test_what_runs_here_only_says_so(fsictl: Fsictl, cloud: Any) -> None:
    told = fsictl("demo", "--no-browser", env=cloud.settings, code=3)
    assert "this machine only" in told.err
    told = fsictl("generate", "--resume", *SERIES, "--speed", "max", env=cloud.settings, code=3)
    assert "Pub/Sub does not tell" in told.err
    told = fsictl("query", "DELETE FROM prices WHERE TRUE", env=cloud.settings, code=3)
    assert "SQL that reads" in told.err


def test_without_a_project_it_says_what_to_set(fsictl: Fsictl) -> None:
    told = fsictl("query", "SELECT 1", "--target", "gcp", code=3)
    assert "gcp.project" in told.err
