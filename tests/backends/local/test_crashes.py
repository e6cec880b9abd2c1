"""Processes that are killed at any instant, and processes that write at once: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.backends.samples import prices

import fsictl
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import SystemClock
from fsictl.ports.messenger import Commit
from fsictl.records.message import Message

MESSAGES = 2000
KILLS = 15

# Doubles every number of topic `in`; its state is the sum so far, a counter the number of messages.
PIPELINE = """
import sys
from pathlib import Path
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import SystemClock
from fsictl.ports.messenger import Commit
from fsictl.records.message import Message

with LocalMessenger(Path(sys.argv[1]), SystemClock(), poll=0.001).channel("double", ["in"], "out") as channel:
    recovered = channel.recover()
    total, count = int(recovered.state or 0), recovered.counters.get("count", 0)
    print("ready", flush=True)
    while messages := channel.pull(3, 0.2):
        for message in messages:
            total += int(message.message.data)
            count += 1
        outgoing = [("out", Message(b"%d" % (2 * int(m.message.data)), {})) for m in messages]
        channel.commit(Commit(messages, outgoing, state=b"%d" % total, counters={"count": count}))
    print("done", flush=True)
"""

PUBLISHER = """
import sys
from pathlib import Path
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import SystemClock
from fsictl.records.message import Message

messenger = LocalMessenger(Path(sys.argv[1]), SystemClock())
for number in range(100):
    messenger.publish([("in", Message(b"%s %d %d" % (sys.argv[2].encode(), number, part), {})) for part in range(3)])
"""


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(fsictl.__file__).parents[1])}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_a_pipeline_that_is_killed_again_and_again_loses_and_doubles_nothing(tmp_path):
    moment = random.Random(7)  # noqa: S311
    messenger = LocalMessenger(tmp_path, SystemClock())
    messenger.publish([("in", Message(b"%d" % n, {})) for n in range(MESSAGES)])
    for _ in range(KILLS):
        with start(PIPELINE, tmp_path) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(moment.uniform(0, 0.01))
            child.kill()
    half = messenger.read("out", limit=10 * MESSAGES)  # nobody has tidied up after the last kill
    assert [int(item.message.data) for item in half] == [2 * n for n in range(len(half))]
    messenger.publish([("in", Message(b"%d" % n, {})) for n in range(MESSAGES, MESSAGES + 10)])
    with start(PIPELINE, tmp_path) as child:
        assert child.communicate(timeout=60)[0].split() == ["ready", "done"]
    out = messenger.read("out", limit=10 * MESSAGES)
    assert [int(item.message.data) for item in out] == [2 * n for n in range(MESSAGES + 10)]
    progress = messenger.progress("double")
    assert progress is not None
    assert (dict(progress.counters), dict(progress.backlog)) == ({"count": MESSAGES + 10}, {"in": 0})
    with messenger.channel("double", ["in"], "out") as channel:
        assert int(channel.recover().state or 0) == sum(range(MESSAGES + 10))


def test_two_publishers_at_once_lose_nothing_and_keep_their_order(tmp_path):
    children = [start(PUBLISHER, tmp_path, name) for name in "AB"]
    assert [child.wait(60) for child in children] == [0, 0]
    for child in children:
        child.communicate()
    received = LocalMessenger(tmp_path, SystemClock()).read("in", limit=1000)
    words = [item.message.data.decode().split() for item in received]
    for name in "AB":
        mine = [(int(number), int(part)) for who, number, part in words if who == name]
        assert mine == [(number, part) for number in range(100) for part in range(3)]
    assert all(len({tuple(word[:2]) for word in words[n : n + 3]}) == 1 for n in range(0, 600, 3))  # calls are whole


def test_a_topic_that_is_made_anew_is_read_from_its_start(tmp_path):
    messenger = LocalMessenger(tmp_path, SystemClock())
    messenger.publish([("in", Message(b"%d" % n, {})) for n in range(5)])
    with messenger.channel("double", ["in"], "out") as channel:
        channel.commit(Commit(taken=channel.pull(5, 0)))
    time.sleep(0.002)
    for file in (tmp_path / "topics").glob("in.db*"):
        file.unlink()
    messenger.publish([("in", Message(b"new %d" % n, {})) for n in range(7)])
    with messenger.channel("double", ["in"], "out") as channel:
        assert [item.message.data for item in channel.pull(10, 0)] == [b"new %d" % n for n in range(7)]


def test_a_topic_that_a_power_cut_set_back_gives_all_that_is_new(tmp_path):
    messenger = LocalMessenger(tmp_path, SystemClock())
    messenger.publish([("in", Message(b"%d" % n, {})) for n in range(3)])
    messenger.close()
    before = (tmp_path / "topics" / "in.db").read_bytes()
    time.sleep(0.002)
    messenger.publish([("in", Message(b"lost", {}))])
    with messenger.channel("double", ["in"], "out") as channel:
        channel.commit(Commit(taken=channel.pull(10, 0)))
    messenger.close()
    (tmp_path / "topics" / "in.db").write_bytes(before)
    time.sleep(0.002)
    messenger.publish([("in", Message(b"new", {})), ("in", Message(b"newer", {}))])
    with messenger.channel("double", ["in"], "out") as channel:
        assert [item.message.data for item in channel.pull(10, 0)] == [b"new", b"newer"]


def test_a_workspace_that_is_removed_while_it_is_published_to_is_made_anew(tmp_path):
    messenger = LocalMessenger(tmp_path, SystemClock())
    messenger.publish([("in", Message(b"old", {}))])
    for file in (tmp_path / "topics").iterdir():
        file.unlink()
    messenger.publish([("in", Message(b"new", {}))])
    assert [item.message.data for item in messenger.read("in")] == [b"new"]


def test_a_reader_in_the_middle_of_writes_sees_whole_ones(tmp_path):
    warehouse = LocalWarehouse(tmp_path, SystemClock())
    for n in range(20):
        warehouse.write("prices", prices(("A", n, 1.0), ("B", n, 1.0)))
        table = LocalWarehouse(tmp_path, SystemClock()).read("prices")
        assert table["symbol"].to_pylist() == ["A"] * (n + 1) + ["B"] * (n + 1)


def test_threads_may_share_a_warehouse_and_a_messenger(tmp_path):
    warehouse, messenger = LocalWarehouse(tmp_path, SystemClock()), LocalMessenger(tmp_path, SystemClock())

    def work(n: int) -> int:
        warehouse.write("prices", prices(*(("A", 100 * n + t, 1.0) for t in range(10))))
        messenger.publish([("in", Message(b"%d" % n, {}))])
        return len(warehouse.read("prices")) % 10

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(20))) == {0}
    assert messenger.end("in") == 20
    assert warehouse.extents("prices")[0].rows == 200
