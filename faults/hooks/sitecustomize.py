"""Read by every Python process that has this folder in PYTHONPATH: a wall clock and a disk that somebody disturbs.

``FAULTS_CLOCK`` names a file with the seconds by which the wall clock is wrong. ``FAULTS_DISK`` names a file: while it
is there, what it says happens to every write of SQLite's: ``full``, ``read-only``, or a number of seconds to wait.
"""

import os
import time

_clock, _disk = os.environ.get("FAULTS_CLOCK", ""), os.environ.get("FAULTS_DISK", "")

if _clock:
    _true = time.time_ns

    def _wrong() -> int:
        try:
            with open(_clock, encoding="ascii") as file:
                return _true() + int(float(file.read() or 0) * 1e9)
        except (OSError, ValueError):
            return _true()

    time.time_ns = _wrong
    time.time = lambda: _wrong() / 1e9

if _disk:
    import apsw

    def _hook(_operation: str) -> None:
        try:
            with open(_disk, encoding="ascii") as file:
                said = file.read().strip()
        except OSError:
            return
        if said == "full":
            raise apsw.FullError(said)
        if said == "read-only":
            raise apsw.ReadOnlyError(said)
        time.sleep(float(said or 0))

    from faults.disk import Disk

    _kept = Disk(_hook)
