"""One run of the demo: the processes it starts, when the first model is trained, and how it all ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from fsictl.backends.local.supervise import SUPERVISOR_VARIABLE
from fsictl.cli.models import window_rules
from fsictl.cli.output import summary_line
from fsictl.cli.session import Session
from fsictl.cli.status import looks_at, overview
from fsictl.cli.status_view import rendered
from fsictl.errors import CheckFailedError, FsictlError, InputError, PreconditionError

TRAIN_ON = 0.75
"""Share of a replay's windows that the first version is trained on; the later ones it has never seen."""

ENOUGH_TO_DIVIDE = 4
"""So many times ``model.least_windows`` must be left to train on; else a version is trained on all of them."""

CHAMPION = "champion"

QUICK_STEPS = 900
"""Training steps of the first version; ``fsictl train --now`` takes the setting ``model.steps``."""

_LOOK_EVERY = 0.2
_COUNT_EVERY = 2.0
_SAY_EVERY = 15.0
_UP_TO_DATE_MS = 10_000


class Demonstration:
    """The streams, a publisher and the page as processes of their own, started and ended together.

    ``publish`` is the command line that publishes the prices; ``replayed`` says that they are old ones, whose first
    part is trained on as soon as it is long enough.
    """

    def __init__(self, session: Session, publish: Sequence[str], *, replayed: bool, length: float | None) -> None:
        self.version: str | None = None
        self.live_after: float | None = None
        self._session, self._publish, self._replayed, self._length = session, publish, replayed, length
        self._clock = session.clock
        self._began = session.clock.monotonic()
        self._counted = (-_COUNT_EVERY, 0)
        self._interrupted = threading.Event()
        self._publisher: subprocess.Popen[bytes] | None = None
        self._page: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Streams and publisher for the time of the block; all of it is stopped at its end, however it ends."""
        say, engine = self._session.output.say, self._session.local_engine
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            say("Starting the streams.")
            engine.start(["metrics", "sink"])
            self._publisher = self._spawn(self._publish, "generate")
            yield
        finally:
            _end(self._publisher)
            say("Stopping: finishing what is in flight.")
            engine.stop(["metrics", "infer", "sink"], drain=True, timeout=60.0)
            _end(self._page)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._interrupted.set()

    def _spawn(
        self, command_line: Sequence[str], name: str | None = None, *, answers: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start a process that ends when the demo does, in a session of its own, so that Ctrl-C reaches the demo alone.

        What it says goes to the log of that name, or to the terminal without one; with ``answers`` its stdout is read.
        """
        with self._session.log(name) if name is not None else nullcontext() as log:
            return subprocess.Popen(
                command_line,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if answers else log,
                stderr=log,
                env={**os.environ, SUPERVISOR_VARIABLE: str(os.getpid())},
                start_new_session=True,
            )

    def open_page(self, port: int, *, browser: bool) -> None:
        """Start the live page on the port (0: a free one) and say where it is."""
        command_line = self._session.command("dashboard", "--port", str(port), "--no-browser", "--json")
        self._page = self._spawn(command_line, "dashboard", answers=True)
        said = self._page.stdout.readline() if self._page.stdout is not None else b""
        if not said:
            self._page.wait()
            problem = self._session.local_engine.logs("dashboard", 2)
            message = problem[0].removeprefix("Error: ") if problem else "the page did not start"
            raise PreconditionError(message, hint=problem[1] if len(problem) > 1 else "See `fsictl dashboard`.")
        address = json.loads(said)["url"]
        self._session.output.say(f"The page is at [bold]{address}[/bold].")
        if browser and sys.stderr.isatty():
            webbrowser.open(address)

    def bring_up(self) -> None:
        """Wait for enough metrics, see that there is a version, start inference and let it catch up."""
        session = self._session
        self.version = session.artifacts.resolve(CHAMPION) or self._shipped()
        if self.version is not None:
            session.engine.start(["infer"])
        self._wait("computing the history", self._enough_history)
        if self._interrupted.is_set():
            return
        if self.version is None:
            self.version = self._train()
            if self._interrupted.is_set():
                return
            session.local_engine.start(["infer"])
        self._wait("judging the history", lambda: self._waiting("infer") == 0 and self._waiting("sink") == 0)
        self.live_after = self._clock.monotonic() - self._began
        symbol = next((one.symbol for one in session.warehouse.extents("metrics")), "EURUSD")
        session.output.say(
            f"Live after {self.live_after:.0f} s. From another terminal, in {session.workspace}:"
            f" [bold]fsictl status --watch[/bold], [bold]fsictl metrics show {symbol}[/bold],"
            " [bold]fsictl alerts list[/bold], [bold]fsictl model show[/bold]."
        )

    def _wait(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds or the demo is interrupted; ``InputError`` when the prices end with an error."""
        with self._session.output.progress(what, None) as bar:
            while not self._interrupted.is_set() and not holds():
                if self._publisher is not None and self._publisher.poll() not in {None, 0}:
                    said = " ".join(self._session.local_engine.logs("generate", 2))
                    message = f"the prices could not be published: {said.removeprefix('Error: ')}"
                    raise InputError(message, hint="Mend that and start again with --fresh.")
                rows = sum(self._counter(name, "rows") for name in ("metrics", "infer"))
                bar.at(rows, note=f"{rows:,} rows")
                self._clock.sleep(_LOOK_EVERY)

    def _counter(self, pipeline: str, counter: str) -> int:
        progress = self._session.progress(pipeline)
        return progress.counters.get(counter, 0) if progress is not None else 0

    def _waiting(self, pipeline: str) -> int:
        """Messages that the pipeline has not worked off; one that has never committed has at least one."""
        progress = self._session.progress(pipeline)
        return sum(progress.backlog.values()) if progress is not None else 1

    def _enough_history(self) -> bool:
        if self._publisher is not None and self._publisher.poll() == 0:
            return self._waiting("metrics") == 0 and self._waiting("sink") == 0
        if self._replayed:
            least = self._session.settings.model.least_windows
            return self._window_count() >= least / TRAIN_ON
        newest = self._session.warehouse.read("metrics", newest=1, columns=["timestamp"]).to_pylist()
        return bool(newest) and self._clock.now_ms() - newest[0]["timestamp"] < _UP_TO_DATE_MS

    def _window_count(self) -> int:
        """Usable windows stored so far; counted anew only now and then."""
        at, count = self._counted
        if self._clock.monotonic() - at >= _COUNT_EVERY:
            count = len(self._window_times())
            self._counted = (self._clock.monotonic(), count)
        return count

    def _window_times(self) -> list[int]:
        """Event times, ms, of the last rows of all stored windows that can be trained on, sorted."""
        from fsictl.model.dataset import newest_until, read_rows
        from fsictl.model.features import features_of
        from fsictl.model.split import usable_windows

        session = self._session
        try:
            until = newest_until(session.warehouse, None)
        except FsictlError:
            return []
        columns, _ = read_rows(session.warehouse, symbol=None, hours=session.settings.model.hours, until=until)
        rules = window_rules(session)
        ends = usable_windows(columns, features_of(columns, metrics_window=rules.metrics_window), rules)
        times: list[int] = columns.timestamp[ends].tolist()
        return times

    def _shipped(self) -> str | None:
        """Let the version that comes with the program score; ``None`` where it says nothing about the prices."""
        from fsictl.model.bootstrap import install, shipped_card, suits

        session = self._session
        if self._replayed or not suits(shipped_card(), window_rules(session)):
            return None
        version = install(session.artifacts, session.warehouse, at=session.clock.now_ms()).version
        session.output.say(
            f"Version [bold]{version}[/bold] scores: it comes with fsictl, made from simulated prices."
            " [bold]fsictl train --now[/bold] makes one from what is stored here."
        )
        return version

    def _train(self) -> str | None:
        """Train the first version in a process of its own; ``None``, with a word to the user, when it refuses."""
        steps = min(QUICK_STEPS, self._session.settings.model.steps)
        arguments = ["train", "--now", "--json", "--steps", str(steps)]
        if self._replayed:
            times = self._window_times()
            least = self._session.settings.model.least_windows
            count = round(len(times) * TRAIN_ON)
            if count >= ENOUGH_TO_DIVIDE * least:
                arguments += ["--until", str(times[count])]
        self._session.output.say("Training a first version.")
        trainer = self._spawn(self._session.command(*arguments), answers=True)
        while trainer.poll() is None and not self._interrupted.is_set():
            self._clock.sleep(_LOOK_EVERY)
        _end(trainer)
        said = trainer.stdout.read() if trainer.stdout is not None else b""
        if trainer.returncode == 0:
            return str(json.loads(said)["model_version"])
        self._session.output.say(
            "There is no model, then; the streams go on and say so in every verdict. [bold]fsictl model"
            " bootstrap[/bold] lets the version score that comes with fsictl, which knows simulated prices only."
        )
        return None

    def watch(self) -> None:
        """Show what happens until Ctrl-C, or until ``length`` seconds after the start."""
        from rich.live import Live

        session, looks = self._session, looks_at(self._session)
        if sys.stderr.isatty():
            talk = session.output.talk
            with Live(console=talk, auto_refresh=False) as live:
                while not self._over():
                    live.update(rendered(overview(session, looks), height=talk.height), refresh=True)
                    self._clock.sleep(1.0)
            return
        say_at = self._clock.monotonic()
        while not self._over():
            self._clock.sleep(_LOOK_EVERY)
            if self._clock.monotonic() >= say_at:
                say_at += _SAY_EVERY
                session.output.say(summary_line(overview(session, looks)))

    def _over(self) -> bool:
        late = self._length is not None and self._clock.monotonic() - self._began >= self._length
        return self._interrupted.is_set() or late

    def sum_up(self) -> None:
        """Say what is stored now; ``CheckFailedError`` when a pipeline failed on the way."""
        session = self._session
        found = overview(session, looks_at(session))
        counters = {one["pipeline"]: one["counters"] for one in found["pipelines"]}
        session.output.say(summary_line(found))
        session.output.say(
            f"Everything is kept in {session.root}. Another demo goes on with it;"
            " [bold]--fresh[/bold] starts from nothing."
        )
        session.output.document(
            {
                "model_version": self.version,
                "live_after_seconds": self.live_after,
                "ticks": counters["metrics"].get("ticks", 0),
                "late": counters["metrics"].get("late", 0),
                "metrics_rows": counters["metrics"].get("rows", 0),
                "verdicts": counters["infer"].get("verdicts", 0),
                "unreliable": counters["infer"].get("unreliable", 0),
                "alerts": counters["infer"].get("alerts", 0),
                "dead_letters": found["dead_letters"],
            }
        )
        for one in found["pipelines"]:
            if one["state"] == "failed":
                message = f"the pipeline {one['pipeline']} failed: {one['detail']}"
                raise CheckFailedError(message, hint=f"See `fsictl stream logs {one['pipeline']}`.")


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
