from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "pyarrow",
    "keras",
    "jax",
    "onnx",
    "onnxruntime",
    "apsw",
    "starlette",
    "uvicorn",
    "apache_beam",
    "apscheduler",
}

GROUPS = [
    "infra",
    "stream",
    "metrics",
    "infer",
    "model",
    "alerts",
    "dead-letter",
    "verify",
    "job",
    "orchestrator",
    "invoker",
]
COMMANDS = [
    *(["infra", name] for name in ("plan", "up", "park", "down", "outputs", "bootstrap", "cost", "unlock")),
    *(["stream", name] for name in ("start", "stop", "status", "logs", "snapshot")),
    *(["metrics", name] for name in ("run", "backfill", "show")),
    *(["infer", name] for name in ("run", "batch")),
    *(["model", name] for name in ("list", "show", "promote", "rollback", "bootstrap")),
    ["alerts", "list"],
    *(["dead-letter", name] for name in ("list", "replay", "drop")),
    ["verify", "parity"],
    *(["job", name] for name in ("submit", "status", "wait", "list", "cancel", "worker", "perform")),
    *(["orchestrator", name] for name in ("run", "start", "schedule")),
    ["invoker", "serve"],
    ["dashboard", "grafana"],
    *([name] for name in ("demo", "init", "doctor", "status", "generate", "train", "dashboard", "query", "export")),
]


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("arguments", [[], *([group] for group in GROUPS), *COMMANDS], ids=" ".join)
def test_every_command_has_a_help_text(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from fsictl.cli.main import main

    assert main([*arguments, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Usage: fsictl" in said
    if arguments in COMMANDS:
        assert "--workspace" in said
        assert "--json" in said


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom fsictl.cli.main import main\nmain(['--help'])\n"
        "print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    loaded = set(_python(code).split("LOADED")[1].split())
    assert not loaded & HEAVY


def test_help_costs_little_more_than_its_libraries() -> None:
    """At most 1.5 times the CPU of importing typer and rich: the best of several runs, side by side."""
    measure = (
        "import time\nstart = time.process_time()\n{code}\nspent = time.process_time() - start\n"
        "import sys; sys.stderr.write(str(spent))"
    )
    libraries = measure.format(code="import typer, rich")
    own = measure.format(code="from fsictl.cli.main import main; main(['--help'])")

    def cost(code: str) -> float:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return float(done.stderr)

    ratios = [cost(own) / cost(libraries) for _ in range(7)]
    assert min(ratios) < 1.5, ratios
