"""``fsictl demo``: the whole system on this machine, from nothing, as the processes that anybody can start."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from fsictl.cli import times
from fsictl.cli.command import command
from fsictl.cli.output import time_text
from fsictl.cli.session import Session
from fsictl.cli.status import overview, rendered
from fsictl.errors import CheckFailedError, InputError, PreconditionError, UsageError

QUICK_STEPS = 900
"""Training steps of the demo's first version; `fsictl train --now` takes `model.steps`."""

TRAIN_ON = 0.75
"""Share of a replay's extreme seconds that the first version is trained on; the others it has never seen."""


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "demo")(demo)


def demo(
    session: Session,
    replay: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Feed it real prices; may be given more than once.")
    ] = None,
    layout: Annotated[str, typer.Option("--format", help="Layout: auto, histdata, truefx or csv.")] = "auto",
    symbol: Annotated[str | None, typer.Option(help="Symbol of the replayed prices, if the file does not say.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Clock of the files.")] = None,
    speed: Annotated[str, typer.Option(help="Of a replay: 1 is real time, 60, or max.")] = "1",
    history: Annotated[str, typer.Option(metavar="TIME", help="Simulated history before now.")] = "2h",
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="End by itself after so long, but not before the first verdicts.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; a free one without it.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open the page.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is stored here and start from nothing.")] = False,
) -> None:
    """Run the whole system here: prices, metrics, a first model, verdicts, the live page.

    Prices are simulated, or real ones with --replay. Everything stays in .fsictl/ for later looks.
    """
    times.speed(speed)
    length = times.duration(duration) if duration is not None else None
    plan = Plan(session, length, TrainingPlan(replayed=bool(replay)))
    plan.prices = _price_command(session, replay, layout, symbol, timezone, speed, times.duration(history))
    _prepare(session, fresh=fresh, replay=bool(replay))
    with plan.running():
        plan.open_page(port, browser=not no_browser)
        plan.bring_up()
        plan.watch()
    plan.sum_up()


def _price_command(
    session: Session,
    replay: list[Path] | None,
    layout: str,
    symbol: str | None,
    timezone: str | None,
    speed: str,
    history: float,
) -> list[str]:
    """The command line that publishes the demo's prices; wrong files are refused before anything starts."""
    if not replay:
        if times.speed(speed) != 1.0:
            message = "--speed is for a replay, the simulated market runs in real time"
            raise UsageError(message, hint="Give --replay FILE, or leave --speed away.")
        return session.command("generate", "--start", f"-{history:.0f}s", "--json")
    from fsictl.cli.generate import replayed

    for file in replay:
        next(replayed([file], layout=layout, symbol=symbol, timezone=timezone))
    arguments = [part for file in replay for part in ("--replay", str(file.absolute()))]
    for flag, value in (("--symbol", symbol), ("--timezone", timezone)):
        arguments += [flag, value] if value is not None else []
    return session.command("generate", *arguments, "--format", layout, "--speed", speed, "--json")


def _prepare(session: Session, *, fresh: bool, replay: bool) -> None:
    session.settings  # noqa: B018  # wrong settings are said before anything starts
    running = [one.name for one in session.engine.status() if one.pid is not None] if session.root.is_dir() else []
    if running:
        message = f"{', '.join(running)} already run in {session.workspace}"
        raise PreconditionError(message, hint="End them with `fsictl stream stop`, or use another --workspace.")
    if fresh and session.root.is_dir():
        import shutil

        shutil.rmtree(session.root)
    if replay and session.root.is_dir() and session.messenger.end("prices"):
        message = f"{session.root} already holds prices, and a replay would come late behind them"
        raise PreconditionError(message, hint="Start from nothing with --fresh, or use another --workspace.")
    session.make_workspace()


@dataclass(slots=True)
class TrainingPlan:
    """When the first version is trained, and how that went."""

    replayed: bool
    version: str | None = None
    refused: str = ""

    @property
    def settled(self) -> bool:
        """Whether there is a version, or never will be one by itself."""
        return self.version is not None or bool(self.refused)


@dataclass(slots=True)
class Plan:
    """One run of the demo: its processes, and how far it is."""

    session: Session
    length: float | None
    training: TrainingPlan
    prices: list[str] = field(default_factory=list)
    publisher: subprocess.Popen[bytes] | None = None
    page: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    ended: bool = False
    live_after: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Streams and publisher for the time of the block; all of it is stopped at its end, however it ends."""
        self.began = self.session.clock.monotonic()
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.session.output.say("Starting the streams: metrics and sink.")
            self.session.engine.start(["metrics", "sink"])
            self.publisher = self._spawn(self.prices, "generate")
            yield
        finally:
            _end(self.publisher)
            self.session.output.say("Stopping: finishing what is in flight.")
            self.session.engine.stop(["metrics", "infer", "sink"], drain=True, timeout=60.0)
            _end(self.page)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.ended = True

    def _spawn(self, arguments: list[str], name: str) -> subprocess.Popen[bytes]:
        from fsictl.backends.local.supervise import log_file

        file = log_file(self.session.root, name)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with file.open("ab") as log:
            # A session of its own: Ctrl-C reaches the demo alone, which ends its processes in good order.
            return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def open_page(self, port: int | None, *, browser: bool) -> None:
        """Start the live page on the port, or on a free one, and say where it is."""
        wanted = str(port if port is not None else 0)
        command_line = self.session.command("dashboard", "--port", wanted, "--no-browser", "--json")
        self.page = subprocess.Popen(
            command_line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        said = self.page.stdout.readline() if self.page.stdout is not None else b""
        if not said:
            problem = self.page.stderr.read().decode().splitlines() if self.page.stderr is not None else []
            message = problem[0].removeprefix("Error: ") if problem else "the page did not start"
            raise PreconditionError(message, hint=problem[1] if len(problem) > 1 else "See `fsictl dashboard`.")
        address = json.loads(said)["url"]
        self.session.output.say(f"The page is at [bold]{address}[/bold].")
        if browser and sys.stderr.isatty():
            webbrowser.open(address)

    def bring_up(self) -> None:
        """Wait for enough metrics, train the first version, start inference and let it catch up."""
        session = self.session
        with session.output.progress("computing the history", None) as bar:
            self._until(self._enough_history, bar.at)
        if self.ended:
            return
        version = session.artifacts.resolve("champion")
        self.training.version = version or self._train()
        session.engine.start(["infer"])
        with session.output.progress("judging the history", None) as bar:
            self._until(lambda: self._waiting("infer", "sink") == 0, bar.at)
        self.live_after = session.clock.monotonic() - self.began
        session.output.say(
            f"Live after {self.live_after:.0f} s. Look with [bold]fsictl status --watch[/bold],"
            " [bold]fsictl metrics show EURUSD[/bold], [bold]fsictl alerts list[/bold],"
            " [bold]fsictl model show[/bold]."
        )

    def _until(self, holds: Callable[[], bool], show: Callable[..., None]) -> None:
        """Wait until something holds, the demo ends, or the publisher failed."""
        while not self.ended and not holds():
            if self.publisher is not None and self.publisher.poll() not in {None, 0}:
                said = " ".join(self.session.engine.logs("generate", 2))
                message = f"the prices could not be published: {said}"
                raise InputError(message, hint="See `fsictl doctor`.")
            done = sum(self._counter(name) for name in ("metrics", "infer"))
            show(done, None, f"{done:,} rows")
            self.session.clock.sleep(0.2)

    def _counter(self, pipeline: str) -> int:
        progress = self.session.progress(pipeline)
        return progress.counters.get("rows", 0) if progress is not None else 0

    def _waiting(self, *pipelines: str) -> int:
        """Messages that these pipelines have not worked off; one that has not begun has everything before it."""
        waiting = 0
        for name in pipelines:
            progress = self.session.progress(name)
            waiting += sum(progress.backlog.values()) if progress is not None else 1
        return waiting

    def _enough_history(self) -> bool:
        if self.publisher is not None and self.publisher.poll() == 0:
            return self._waiting("metrics", "sink") == 0
        if self.training.replayed:
            return len(self._extreme_seconds()) * TRAIN_ON >= 1.2 * self.session.settings.model.least_windows
        newest = self.session.warehouse.read("metrics", newest=1, columns=["timestamp"]).to_pylist()
        return bool(newest) and self.session.clock.now_ms() - newest[0]["timestamp"] < 10_000

    def _extreme_seconds(self) -> list[int]:
        model = self.session.settings.model
        table = self.session.warehouse.read("metrics", columns=["timestamp", "RELATIVE_STRENGTH_INDICATOR"])
        rows = zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True)
        return sorted(at for at, rsi in rows if rsi is not None and (rsi > model.overbought or rsi < model.oversold))

    def _train(self) -> str | None:
        """Train the first version in a process of its own; ``None`` with a word to the user when data is missing."""
        steps = min(QUICK_STEPS, self.session.settings.model.steps)
        attempts: list[list[str]] = [[]]
        if self.training.replayed and (seconds := self._extreme_seconds()):
            attempts.insert(0, ["--until", str(seconds[int(len(seconds) * TRAIN_ON)])])
        for more in attempts:
            self.session.output.say(f"Training the first version ({steps} steps).")
            command_line = self.session.command("train", "--now", "--json", "--steps", str(steps), *more)
            done = subprocess.run(command_line, stdout=subprocess.PIPE, stderr=None, check=False)
            if done.returncode == 0:
                return str(json.loads(done.stdout)["model_version"])
        self.training.refused = "there were too few windows to train on"
        self.session.output.say("The streams go on without a model; verdicts say so.")
        return None

    def watch(self) -> None:
        """Show what happens until the end: Ctrl-C, or the duration."""
        from rich.live import Live

        if sys.stderr.isatty():
            with Live(rendered(overview(self.session)), console=self.session.output.talk, auto_refresh=False) as live:
                while not self._over():
                    self.session.clock.sleep(1.0)
                    live.update(rendered(overview(self.session)), refresh=True)
            return
        next_line = self.session.clock.monotonic()
        while not self._over():
            self.session.clock.sleep(0.2)
            if self.session.clock.monotonic() >= next_line:
                next_line += 15.0
                self.session.output.say(_line(overview(self.session)))

    def _over(self) -> bool:
        late = self.length is not None and self.session.clock.monotonic() - self.began >= self.length
        return self.ended or late

    def sum_up(self) -> None:
        """Say what is stored now."""
        session = self.session
        found = overview(session)
        counters = {one["pipeline"]: one["counters"] for one in found["pipelines"]}
        document = {
            "model_version": self.training.version,
            "live_after_seconds": self.live_after,
            "ticks": counters["metrics"].get("ticks", 0),
            "late": counters["metrics"].get("late", 0),
            "metrics_rows": counters["metrics"].get("rows", 0),
            "verdicts": counters["infer"].get("verdicts", 0),
            "unreliable": counters["infer"].get("unreliable", 0),
            "alerts": counters["infer"].get("alerts", 0),
            "dead_letters": found["dead_letters"],
        }
        session.output.say(_line(found))
        session.output.say(f"Everything is kept in {session.root}. Begin again with [bold]fsictl demo --fresh[/bold].")
        session.output.document(document)
        failed = [one for one in found["pipelines"] if one["state"] == "failed"]
        if failed:
            message = f"{failed[0]['pipeline']} failed: {failed[0]['detail']}"
            raise CheckFailedError(message, hint=f"See `fsictl stream logs {failed[0]['pipeline']}`.")


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """End a process of the demo: asked first, killed if it does not listen."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _line(found: dict[str, Any]) -> str:
    counters = {one["pipeline"]: one["counters"] for one in found["pipelines"]}
    metrics, infer = counters["metrics"], counters["infer"]
    return (
        f"{metrics.get('ticks', 0):,} ticks, {metrics.get('rows', 0):,} metrics rows,"
        f" {infer.get('verdicts', 0):,} verdicts ({infer.get('unreliable', 0):,} unreliable,"
        f" {infer.get('alerts', 0):,} alerts), up to {time_text(found['newest'])} UTC"
    )
