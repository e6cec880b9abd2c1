"""Ctrl-C while a library works that must not be interrupted anywhere: noted, and acted on between two of its steps."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from fsictl.errors import INTERRUPTED


@contextmanager
def held_back(say: Callable[[str], None]) -> Iterator[Callable[[bool], None]]:
    """Within it Ctrl-C raises nothing until the function that it gives is called, which raises ``KeyboardInterrupt``.

    The function takes whether the library still works: after it was called with false, Ctrl-C raises at once again.
    ``say`` is told what happens; a second Ctrl-C ends the process. Only for the main thread.
    """
    asked, holds = 0, True

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        if not holds:
            raise KeyboardInterrupt
        if asked > 1:
            os._exit(INTERRUPTED)
        say("Ending after this step; Ctrl-C again ends at once.")

    def look(still_works: bool) -> None:
        nonlocal holds
        holds = still_works
        if asked:
            holds = False
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield look
    finally:
        signal.signal(signal.SIGINT, before)
