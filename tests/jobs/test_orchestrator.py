from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
from tests.jobs.conftest import NOON, SUCCESS, Place, steps

from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import ManualClock
from fsictl.errors import BusyError, StorageUnavailableError, UsageError
from fsictl.jobs.alarm import Alarm
from fsictl.jobs.checks import Verdict
from fsictl.jobs.history import known_jobs
from fsictl.jobs.orchestrator import ORCHESTRATOR, Orchestrator, run_job
from fsictl.jobs.process import Outcome
from fsictl.jobs.request import JobRequest, read_request, request_of
from fsictl.jobs.schedule import Entry, MissedPolicy, entry_of
from fsictl.jobs.states import Job
from fsictl.records.schemas import JOBS_TOPIC
from fsictl.streams.pipeline import Stop

UTC = ZoneInfo("UTC")
DAY = 86_400_000.0 / 1000
DAILY = "30 0 * * * rfm"
HOURLY = "0 * * * * train symbol=EURUSD"


@dataclass
class World:
    """An orchestrator's surroundings: what it was told to alarm about, and what its check is to say."""

    place: Place
    alarms: list[Alarm] = field(default_factory=list)
    says: Verdict = field(default_factory=lambda: Verdict(True, "rows are there"))
    checked: list[str] = field(default_factory=list)

    @contextmanager
    def orchestrator(
        self,
        *entries: str,
        policy: MissedPolicy | None = None,
        advice: Callable[[], JobRequest | None] | None = None,
        since: int | None = None,
    ) -> Iterator[Orchestrator]:
        place = self.place
        parsed: list[tuple[Entry, int | None]] = [(entry_of(text, UTC), since) for text in entries]

        def check(job: Job) -> Verdict:
            self.checked.append(job.job_id)
            return self.says

        with place.messenger.channel(ORCHESTRATOR, [], JOBS_TOPIC) as channel:
            made = Orchestrator(
                channel,
                place.warehouse,
                place.clock,
                place.watch(),
                entries=lambda: parsed,
                check=check,
                alarm=self.alarms.append,
                missed=policy or MissedPolicy(),
                within=3600.0,
                advice=advice,
                advice_every=600.0,
            )
            made.restore()
            yield made

    def asked(self) -> list[JobRequest]:
        return [read_request(one.message) for one in self.place.messenger.read(JOBS_TOPIC)]


@pytest.fixture
def world(place: Place) -> World:
    return World(place)


def test_what_is_due_is_asked_for_once(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        assert world.asked() == []
        for _ in range(13):
            world.place.clock.sleep(3600.0)
            orchestrator.look()
            orchestrator.look()
    assert world.asked() == [request_of("rfm", "2026-01-31")]


def test_what_was_asked_for_is_waited_for_and_checked(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator, world.place.worker() as worker:
        orchestrator.look()
        world.place.clock.sleep(DAY)
        orchestrator.look()
        steps(worker)
        orchestrator.look()
        assert world.checked == []
        world.place.begun[0].end = SUCCESS
        steps(worker)
        orchestrator.look()
        orchestrator.look()
    assert world.checked == [request_of("rfm", "2026-01-31").job_id]
    assert (world.alarms, orchestrator.counters["passed"], orchestrator.awaited) == ([], 1, [])


def test_an_hourly_training_is_a_job_of_its_own_every_hour(world: World) -> None:
    with world.orchestrator(HOURLY) as orchestrator:
        orchestrator.look()
        for _ in range(3):
            world.place.clock.sleep(3600.0)
            orchestrator.look()
    untils = [request.params["until"] for request in world.asked()]
    assert untils == [f"2026-01-31T{hour}:00:00.000Z" for hour in (13, 14, 15)]


def test_what_it_knows_outlives_it(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        world.place.clock.sleep(DAY)
        orchestrator.look()
        awaited = orchestrator.awaited
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        assert orchestrator.awaited == awaited
    assert len(world.asked()) == 1


def test_a_crash_before_the_commit_asks_again_for_the_same_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        message = "killed"
        raise RuntimeError(message)

    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        world.place.clock.sleep(DAY)
        with monkeypatch.context() as patched:
            patched.setattr(orchestrator._channel, "commit", die)
            with pytest.raises(RuntimeError):
                orchestrator.look()
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
    assert world.asked() == [request_of("rfm", "2026-01-31")]
    assert len(known_jobs(world.place.warehouse)) == 1


def test_a_full_disk_delays_what_is_due_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        message = "the disk is full"
        raise StorageUnavailableError(message, hint="Free some space.")

    with world.orchestrator(DAILY) as orchestrator, monkeypatch.context() as patched:
        looks = 0

        def stop() -> Stop:
            nonlocal looks
            looks += 1
            if looks == 2:
                world.place.clock.sleep(DAY)
                patched.setattr(orchestrator._channel, "commit", refuse)
            if looks == 5:
                assert world.asked() == []
                patched.undo()
            return Stop.NO if looks < 8 else Stop.NOW

        orchestrator.run(stop)
    assert world.asked() == [request_of("rfm", "2026-01-31")]


@pytest.mark.parametrize(
    ("policy", "days", "hours"),
    [
        (MissedPolicy("auto"), 7, 1),
        (MissedPolicy("coalesce"), 1, 1),
        (MissedPolicy("all"), 7, 168),
        (MissedPolicy("all", most=5), 5, 5),
    ],
)
def test_a_week_that_was_missed_is_made_good_for_as_the_policy_says(
    world: World, policy: MissedPolicy, days: int, hours: int
) -> None:
    with world.orchestrator(DAILY, HOURLY, policy=policy) as orchestrator:
        orchestrator.look()
    world.place.clock.sleep(7 * DAY)
    with world.orchestrator(DAILY, HOURLY, policy=policy) as orchestrator:
        orchestrator.look()
        left_out = orchestrator.counters["left_out"]
    asked = world.asked()
    assert [len([one for one in asked if one.workload == name]) for name in ("rfm", "train")] == [days, hours]
    assert left_out == 7 + 168 - days - hours
    assert max(one.run_date for one in asked).isoformat() == "2026-02-06"
    assert len({one.job_id for one in asked}) == len(asked)


def test_a_backlog_has_time_for_one_after_the_other(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        world.place.clock.sleep(7 * DAY)
        orchestrator.look()
        world.place.clock.sleep(2.5 * 3600)
        orchestrator.look()
        assert len(world.alarms) == 2
        world.place.clock.sleep(5 * 3600)
        orchestrator.look()
    assert len(world.alarms) == 7


def test_what_was_added_by_command_counts_from_then_on(world: World) -> None:
    since = NOON - 2 * 86_400_000
    with world.orchestrator(DAILY, since=since) as orchestrator:
        orchestrator.look()
    assert [request.run_date.isoformat() for request in world.asked()] == ["2026-01-29", "2026-01-30"]


def test_a_clock_that_is_set_back_does_not_silence_the_schedule(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        world.place.clock.sleep(400 * DAY)
        orchestrator.look()
        before = len(world.asked())
        world.place.clock._start_ms -= 400 * 86_400_000
        orchestrator.look()
        world.place.clock.sleep(DAY)
        orchestrator.look()
    assert len(world.asked()) == before + 1
    assert world.asked()[-1] == request_of("rfm", "2026-01-31")


def test_a_job_that_nobody_takes_is_an_alarm(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator:
        orchestrator.look()
        world.place.clock.sleep(DAY)
        orchestrator.look()
        world.place.clock.sleep(3601.0)
        orchestrator.look()
        orchestrator.look()
    (alarm,) = world.alarms
    assert (alarm.workload, alarm.run_date, alarm.problem) == ("rfm", "2026-01-31", "has not ended in time")


def test_a_job_that_fails_or_that_the_check_does_not_believe_is_an_alarm(world: World) -> None:
    with world.orchestrator(DAILY) as orchestrator, world.place.worker() as worker:
        orchestrator.look()
        for outcome, verdict in (
            (SUCCESS, Verdict(False, "no row of the run date")),
            (Outcome(False, "it broke"), Verdict(False, "the job is failed: it broke")),
        ):
            world.says = verdict
            world.place.clock.sleep(DAY)
            orchestrator.look()
            steps(worker)
            world.place.begun[-1].end = outcome
            steps(worker)
            orchestrator.look()
    assert [alarm.detail for alarm in world.alarms] == ["no row of the run date", "the job is failed: it broke"]
    assert {alarm.problem for alarm in world.alarms} == {"was not done"}


def test_a_second_orchestrator_of_a_workspace_is_refused(world: World) -> None:
    with world.orchestrator(DAILY), pytest.raises(BusyError), world.orchestrator(DAILY):
        pass


def test_two_orchestrators_that_share_nothing_ask_for_one_job(world: World) -> None:
    """As on two machines: each has its own state, and both ask the same messenger."""
    elsewhere = LocalMessenger(world.place.root.parent / "elsewhere", world.place.clock)
    with world.orchestrator(DAILY) as one:
        other = Orchestrator(
            elsewhere.channel(ORCHESTRATOR, [], JOBS_TOPIC),
            world.place.warehouse,
            world.place.clock,
            world.place.watch(),
            entries=lambda: [(entry_of(DAILY, UTC), None)],
            check=lambda _: world.says,
            alarm=world.alarms.append,
            missed=MissedPolicy(),
            within=3600.0,
        )
        for orchestrator in (one, other):
            orchestrator.look()
        world.place.clock.sleep(DAY)
        for orchestrator in (one, other):
            orchestrator.look()
        with world.place.worker() as worker:
            world.place.messenger.publish([(JOBS_TOPIC, item.message) for item in elsewhere.read(JOBS_TOPIC)])
            steps(worker)
            world.place.begun[0].end = SUCCESS
            steps(worker, 3)
        for orchestrator in (one, other):
            orchestrator.look()
            assert orchestrator.counters["passed"] == 1
    assert len(world.place.begun) == 1
    assert world.alarms == []


def test_drift_asks_for_one_training_at_a_time(world: World) -> None:
    wish = request_of("train", "2026-01-31", {"until": "2026-01-31T12:00:00Z"})
    later = request_of("train", "2026-01-31", {"until": "2026-01-31T13:00:00Z"})
    says: list[JobRequest | None] = [None]
    with world.orchestrator(advice=lambda: says[0]) as orchestrator, world.place.worker() as worker:
        for says[0] in (None, wish, later):
            orchestrator.look()
            orchestrator.look()
            world.place.clock.sleep(601.0)
        assert world.asked() == [wish], "the first one is not done yet"
        steps(worker)
        world.place.begun[0].end = SUCCESS
        steps(worker)
        orchestrator.look()
        world.place.clock.sleep(601.0)
        orchestrator.look()
        assert world.asked() == [wish, later]
    assert world.checked == [wish.job_id]


def test_running_a_job_now_waits_and_checks(world: World) -> None:
    place = world.place
    request = request_of("rfm", "2026-01-30")
    with place.worker() as worker:

        def on_look(_: object) -> None:
            worker.step(0.0)
            for work in place.begun:
                work.end = SUCCESS

        for _ in range(2):
            report = run_job(
                request,
                messenger=place.messenger,
                warehouse=place.warehouse,
                clock=place.clock,
                watch=place.watch(),
                check=lambda _: Verdict(False, "nothing was made"),
                timeout=60.0,
                on_look=on_look,
            )
            assert report.job is not None
            assert report.verdict == Verdict(False, "nothing was made")
    assert len(place.begun) == 1


def test_running_a_job_that_does_not_end_in_time_says_so(world: World) -> None:
    report = run_job(
        request_of("rfm", "2026-01-30"),
        messenger=world.place.messenger,
        warehouse=world.place.warehouse,
        clock=world.place.clock,
        watch=world.place.watch(),
        check=lambda _: world.says,
        timeout=60.0,
    )
    assert report.job is None
    assert not report.verdict.passed


@pytest.mark.parametrize(
    "text", ["", "* * * * *", "0 0 * * * nothing", "0 0 * * * rfm x", "0 0 * * * rfm a=b", "61 * * * * rfm"]
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        entry_of(text, UTC)


def test_a_fixed_hour_that_comes_twice_in_a_night_is_one_training() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    entry = entry_of("30 2 * * * train", berlin)
    clock = ManualClock(1_792_879_200_000)  # 2026-10-25T00:00+02:00 was an hour and a half ago
    due = list(entry.cron.times(clock.now_ms() - 86_400_000, clock.now_ms() + 86_400_000))
    assert len(due) == len({entry.request_at(one).job_id for one in due}) == 2
