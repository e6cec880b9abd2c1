"""Data to stdout, talk to stderr: as tables for people, as one JSON document (or JSON lines) for programs."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


WIDE = 240
"""Characters of a line that is written to a file or a pipe: nobody looks at where it would wrap."""

_BLOB = 32  # bytes of a blob that a table shows, as hexadecimal digits


def time_text(timestamp_ms: int | None, *, seconds: bool = True) -> str:
    """An event time for people, in UTC.

    >>> time_text(1_577_916_000_999)
    '2020-01-01 22:00:00'
    >>> time_text(None)
    '–'
    """
    if timestamp_ms is None:
        return "–"
    try:
        moment = datetime.fromtimestamp(timestamp_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{timestamp_ms} ms"
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def counted(number: int, thing: str) -> str:
    """A number of things.

    >>> counted(1, "tick"), counted(2000, "tick")
    ('1 tick', '2,000 ticks')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def number_text(value: float | None, digits: int = 6) -> str:
    """A number for people with that many significant digits; nothing known is a dash.

    >>> number_text(1.1214600001), number_text(71.25, 3), number_text(None)
    ('1.12146', '71.2', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}g}"


def summary_line(found: Mapping[str, Any]) -> str:
    """What ``status`` found, in one line."""
    counters = {one["pipeline"]: one["counters"] for one in found["pipelines"]}
    metrics, infer = counters["metrics"], counters["infer"]
    return (
        f"{metrics.get('ticks', 0):,} ticks, {metrics.get('rows', 0):,} metrics rows,"
        f" {infer.get('verdicts', 0):,} verdicts ({infer.get('unreliable', 0):,} unreliable,"
        f" {infer.get('alerts', 0):,} with an alert), up to {time_text(found['newest'])} UTC"
    )


class Output:
    """Where one command writes. With ``as_json`` nothing but JSON reaches stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @property
    def console(self) -> Console:
        """The console of stdout, for tables."""
        from rich.console import Console

        return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)

    @property
    def width(self) -> int:
        """Characters of a line on stdout."""
        return self.console.width

    @property
    def talk(self) -> Console:
        """The console of stderr, for everything that is not data."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A sentence for the person at the terminal; of Rich's markup only ``[bold]`` means anything in it."""
        from rich.text import Text

        parts = re.split(r"\[bold\](.*?)\[/bold\]", text, flags=re.DOTALL)
        self.talk.print(Text.assemble(*((part, "bold" if at % 2 else "") for at, part in enumerate(parts))))

    def document(self, document: object) -> None:
        """The one JSON document of a command; does nothing without ``as_json``."""
        if self.as_json:
            sys.stdout.write(json.dumps(_plain(document), ensure_ascii=False) + "\n")
            sys.stdout.flush()

    def lines(self, rows: Sequence[Mapping[str, object]]) -> None:
        """JSON lines, for what has no end."""
        for row in rows:
            sys.stdout.write(json.dumps(_plain(row), ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def rows(
        self,
        rows: Sequence[Mapping[str, object]],
        columns: Mapping[str, str],
        *,
        title: str = "",
        empty: str = "nothing there",
        money: Collection[str] = (),
    ) -> None:
        """Rows as a table (``columns``: key → heading) or, with ``as_json``, as a JSON array of whole rows.

        Numbers stand to the right, and texts that are amounts of ``money``. On a terminal too narrow for the columns,
        rows stand below each other.
        """
        if self.as_json:
            self.document(list(rows))
            return
        if not rows:
            self.say(empty)
            return
        from fsictl.cli.tables import natural_width, table_of

        console = self.console
        numeric = {
            at
            for at, key in enumerate(columns)
            if key in money or all(isinstance(row.get(key), int | float | None) for row in rows)
        }
        table = table_of(
            [[_cell(row.get(key)) for key in columns] for row in rows],
            list(columns.values()),
            numeric=numeric,
            title=title,
            width=console.width if sys.stdout.isatty() else None,
        )
        if not sys.stdout.isatty():  # a line a row, however long
            console.width = max(console.width, natural_width(table))
        console.print(table)

    @contextmanager
    def progress(self, text: str, total: float | None) -> Iterator[ProgressLine]:
        """A progress bar on a terminal, a plain line now and then without one; always on stderr."""
        if sys.stderr.isatty():
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(),
                console=self.talk,
                transient=True,
            )
            with bar:
                yield ProgressLine(text, total, bar)
        else:
            yield ProgressLine(text, total, None)


class ProgressLine:
    """How far one piece of long work is."""

    def __init__(self, text: str, total: float | None, bar: Progress | None) -> None:
        self._text, self._total, self._bar = text, total, bar
        self._task = bar.add_task(text, total=total) if bar is not None else None
        self._said = 0

    def at(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say that ``done`` of ``total`` is done."""
        self._total = total or self._total
        if self._bar is not None and self._task is not None:
            text = f"{self._text} {note}".strip()
            self._bar.update(self._task, completed=done, total=self._total, description=text)
        elif self._total and (tenth := int(10 * done / self._total)) > self._said:
            self._said = tenth
            sys.stderr.write(f"{self._text}: {10 * tenth} % {note}".rstrip() + "\n")
            sys.stderr.flush()


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, bytes):
        return value[:_BLOB].hex() + ("…" if len(value) > _BLOB else "")
    return str(value)


def _plain(value: Any) -> Any:
    """The value in types that JSON knows; what is not a number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value
