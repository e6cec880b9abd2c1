from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import metrics_rows

from fsictl.clock import ManualClock
from fsictl.dashboard.events import Feed
from fsictl.dashboard.pace import Pace
from fsictl.dashboard.watch import Watch
from fsictl.errors import StorageError

NOW = 1_700_000_000


def watch_of(stores: Stores, clock: ManualClock) -> Watch:
    return Watch(stores.warehouse, stores.messenger, stores.artifacts, clock)


def parse(event: str) -> tuple[str, Any]:
    kind, data = event.removeprefix("retry: 1000\n\n").strip().split("\n")
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


OFTEN = Pace(every=0.01)


def with_feed(watch: Watch, act: Callable[[Feed], Awaitable[None]], pace: Pace = OFTEN) -> None:
    async def lane(call: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(call)

    async def run() -> None:
        feed = Feed(watch, lane, pace)
        looking = asyncio.create_task(feed.run())
        try:
            await asyncio.wait_for(act(feed), 120)
        finally:
            looking.cancel()

    with ThreadPoolExecutor(1) as thread:  # of its own: a browser of other tests may have a loop in this one
        thread.submit(lambda: asyncio.run(run())).result()


async def until(events: Any, kind: str) -> Any:
    async for event in events:
        found, data = parse(event)
        if found == kind:
            return data
    raise AssertionError(kind)


def test_all_subscribers_are_told_of_new_rows(stores: Stores) -> None:
    async def act(feed: Feed) -> None:
        first, second = feed.subscribe(), feed.subscribe()
        for events in (first, second):
            assert parse(await anext(events))[0] == "status"
        while feed.status["feed"] == "waiting":
            await asyncio.sleep(0.01)
        stores.warehouse.write("metrics", metrics_rows("A", [NOW]))
        for events in (first, second):
            assert (await until(events, "rows"))["metrics"]["time"] == [NOW]
        feed.stop()
        for events in (first, second):
            with pytest.raises(StopAsyncIteration):
                await anext(events)
        assert not feed.full

    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 1]))
    with_feed(watch_of(stores, ManualClock(NOW * 1000)), act)


def test_a_store_that_fails_is_told_and_tried_again(stores: Stores) -> None:
    async def act(feed: Feed) -> None:
        events = feed.subscribe()
        await anext(events)
        stores.warehouse.failure = StorageError("the disk is gone", hint="Bring it back.")
        while (news := await until(events, "status"))["feed"] != "error":
            pass
        assert (news["problem"], news["hint"]) == ("the disk is gone", "Bring it back.")
        stores.warehouse.failure = None
        while (await until(events, "status"))["feed"] != "waiting":
            pass

    with_feed(watch_of(stores, ManualClock(NOW * 1000)), act)


def test_a_page_that_cannot_follow_starts_afresh(stores: Stores) -> None:
    async def act(feed: Feed) -> None:
        events = feed.subscribe()
        await anext(events)
        for number in range(70):
            feed._tell(f"event: rows\ndata: {number}\n\n")
        told = [parse(await anext(events)) for _ in range(6)]
        assert told == [("reload", {}), *(("rows", number) for number in range(65, 70))]

    with_feed(watch_of(stores, ManualClock(NOW * 1000)), act)


def test_there_are_only_so_many_subscribers(stores: Stores) -> None:
    async def act(feed: Feed) -> None:
        assert not feed.full
        subscriptions = [feed.subscribe() for _ in range(64)]
        for events in subscriptions:
            await anext(events)
        assert feed.full
        await subscriptions[0].aclose()
        assert not feed.full

    with_feed(watch_of(stores, ManualClock(NOW * 1000)), act)


def test_a_page_hears_the_server_however_seldom_it_looks(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsictl.dashboard.events.STATUS_EVERY", 0.02)

    async def act(feed: Feed) -> None:
        told = feed.subscribe()
        for _ in range(5):
            assert parse(await anext(told))[0] == "status"

    with_feed(watch_of(stores, ManualClock(NOW * 1000)), act, Pace(every=1000))


def test_where_looking_costs_it_sleeps_until_somebody_asks(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsictl.dashboard.events.ASLEEP_AFTER", 0.05)
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 1]))

    async def falls_asleep(feed: Feed) -> None:
        while not feed._asleep:
            await asyncio.sleep(0.01)

    async def act(feed: Feed) -> None:
        await falls_asleep(feed)
        stores.warehouse.write("metrics", metrics_rows("A", [NOW]))
        await asyncio.sleep(0.1)
        assert feed.status["newest"] in {None, NOW - 1}
        await feed.wake()
        assert feed.status["newest"] == NOW
        await falls_asleep(feed)
        told = feed.subscribe()
        await anext(told)  # a page is open: it looks by itself
        stores.warehouse.write("metrics", metrics_rows("A", [NOW + 1]))
        while (await until(told, "status"))["newest"] != NOW + 1:
            pass

    with_feed(watch_of(stores, ManualClock(NOW * 1000)), act, Pace(every=0.01, sleeps=True))
