from __future__ import annotations

import numpy as np
import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import metrics_rows, verdict_rows

from fsictl.alerts.episodes import episodes_of
from fsictl.clock import ManualClock
from fsictl.dashboard.episodes import as_json
from fsictl.dashboard.pieces import Piece, Stretch, read_pieces
from fsictl.dashboard.watch import Watch
from fsictl.errors import StorageError

NOW = 1_700_000_000


def watch_of(stores: Stores, clock: ManualClock) -> Watch:
    return Watch(stores.warehouse, stores.messenger, stores.artifacts, clock)


def test_a_look_gives_what_is_new_with_alerts(stores: Stores) -> None:
    watch = watch_of(stores, ManualClock(NOW * 1000))
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 3]))
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW - 3], alert=np.array([True])))
    assert watch.look()["metrics"]["time"] == []
    assert [as_json(alert)["since"] for alert in watch.alerts.recent(5)] == [NOW - 3]
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 2]))
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW - 2], alert=np.array([True])))
    news = watch.look()
    assert (news["metrics"]["symbol"], news["metrics"]["time"]) == (["A"], [NOW - 2])
    assert news["verdicts"]["error"] == [0.4]
    assert [(alert["since"], alert["until"]) for alert in news["alerts"]] == [(NOW - 3, NOW - 2)]
    assert watch.status()["alerts"] == 1


def test_alerts_that_come_all_at_once_are_all_there(stores: Stores) -> None:
    watch = watch_of(stores, ManualClock(NOW * 1000))
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 900, NOW - 3]))
    watch.look()
    seconds = [NOW - 900, NOW - 600, NOW - 300]
    stores.warehouse.write("reconerr", verdict_rows("A", seconds, alert=np.array([True, True, True])))
    assert watch.look()["reload"]
    assert len(watch.alerts.recent(5)) == 3
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW - 3], alert=np.array([True])))
    assert not watch.look()["reload"]
    assert len(watch.alerts.recent(5)) == 4


def test_the_state_of_the_feed_follows_the_data(stores: Stores) -> None:
    clock = ManualClock(NOW * 1000)
    watch = watch_of(stores, clock)

    def arrive(end: int) -> str:
        stores.warehouse.write("metrics", metrics_rows("A", [end]))
        watch.look()
        return str(watch.status()["feed"])

    watch.look()
    assert watch.status()["feed"] == "waiting"
    assert arrive(NOW - 90_000) == "replay"
    assert arrive(NOW - 60) == "behind"
    assert arrive(NOW - 2) == "live"
    assert watch.status()["lag"] == 2.0
    clock.sleep(20)
    watch.look()
    assert watch.status()["feed"] == "silent"
    fresh = watch_of(stores, clock)
    fresh.look()
    assert fresh.status()["feed"] == "silent"


def test_the_board_follows_the_looks(stores: Stores) -> None:
    watch = watch_of(stores, ManualClock(NOW * 1000))
    stores.warehouse.write("metrics", metrics_rows("A", range(NOW - 400, NOW), LAST=np.arange(400.0)))
    watch.begin()
    assert [row["price"] for row in watch.board.rows()] == [399.0]
    stores.warehouse.write("metrics", metrics_rows("A", [NOW], LAST=np.array([7.0])))
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW]))
    watch.begin()  # it has begun
    assert [row["price"] for row in watch.board.rows()] == [399.0]
    watch.look()
    (row,) = watch.board.rows()
    assert (row["price"], row["verdict"]["time"], row["trend"][-1]) == (7.0, NOW, 7.0)
    fresh = watch_of(stores, ManualClock(NOW * 1000))
    fresh.begin()
    assert fresh.board.rows() == [row]


def test_what_a_failed_look_has_missed_is_read_by_the_next(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watch_of(stores, ManualClock(NOW * 1000))
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 1]))
    watch.look()
    stores.warehouse.write("metrics", metrics_rows("A", [NOW]))
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW], alert=np.array([True])))
    poll = watch._metrics.poll

    def fails() -> None:
        message = "the disk is gone"
        raise StorageError(message, hint="Bring it back.")

    monkeypatch.setattr(watch._metrics, "poll", fails)  # the verdicts were read, and are lost
    with pytest.raises(StorageError):
        watch.look()
    monkeypatch.setattr(watch._metrics, "poll", poll)
    news = watch.look()
    assert news["reload"]
    assert [alert["since"] for alert in news["alerts"]] == [NOW]
    (row,) = watch.board.rows()
    assert (row["time"], row["verdict"]["time"]) == (NOW, NOW)
    assert not watch.look()["reload"]


def test_an_alert_that_began_before_the_look_back_has_the_id_that_the_list_gives(stores: Stores) -> None:
    seconds = np.arange(NOW - 9000, NOW)
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 1]))
    stores.warehouse.write("reconerr", verdict_rows("A", seconds, alert=seconds != NOW - 9000))
    watch = watch_of(stores, ManualClock(NOW * 1000))
    watch.look()
    assert watch.alerts.recent(9) == episodes_of(stores.warehouse.tables["reconerr"])
    assert watch.alerts.recent(9)[0].seconds == 8999
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW, NOW + 1], alert=np.array([True, True])))
    watch.look()
    assert watch.alerts.recent(9) == episodes_of(stores.warehouse.tables["reconerr"])


def test_a_piece_of_history_is_dropped_when_rows_of_its_time_come(stores: Stores) -> None:
    watch = watch_of(stores, ManualClock(NOW * 1000))
    stores.warehouse.write("metrics", metrics_rows("A", range(NOW - 100, NOW)))
    watch.look()
    stretch = Stretch("A", NOW - 100, NOW - 50, 999, 2.0, None)

    def piece() -> Piece:
        return watch.shelf.get([stretch], NOW - 1, lambda run: read_pieces(stores.warehouse, run))[0]

    def errors() -> list[float]:
        return [value for value in piece().kept["reconstruction_error"].to_pylist() if value is not None]

    assert errors() == []
    stores.warehouse.write("reconerr", verdict_rows("A", [NOW - 80]))  # scored late
    watch.look()
    assert errors() == [0.4]
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 101, NOW - 102]))
    stretch = Stretch("A", NOW - 200, NOW - 50, 999, 2.0, None)
    assert piece().rows == 53
    stores.warehouse.write("metrics", metrics_rows("A", [NOW - 150]))  # filled in later
    watch.look()
    assert piece().rows == 54
