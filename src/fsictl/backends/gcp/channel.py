"""One pipeline's way in and out on Pub/Sub, where a message may come twice and state has no transaction."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.places import Place, Places
from fsictl.backends.gcp.subscription import Subscription
from fsictl.ports.messenger import Commit, Recovered, count_taken
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC

if TYPE_CHECKING:
    import pyarrow as pa

RowWriter = Callable[[Mapping[str, "pa.Table"]], None]
"""Writes a commit's rows, by table; writing them again changes nothing."""

REMEMBERED = 10_000
"""How many messages that are done are remembered, to know them when Pub/Sub delivers them again."""


class PubSubChannel:
    """A :class:`~fsictl.ports.messenger.Channel` on Pub/Sub; use it from one thread.

    A commit publishes (or writes rows), then writes state, counters and the identifiers of the messages done as one
    object, then acknowledges. Whatever ends between: the messages come again. Those of which the object knows are
    acknowledged and not given again, so that state never counts one twice. Those of which it does not know are done
    again from the older state and give the same output again, which the natural keys of the tables make harmless.
    """

    def __init__(
        self,
        access: Access,
        places: Places,
        publish: Callable[[Sequence[tuple[str, Message]]], None],
        *,
        pipeline: str,
        inputs: Sequence[Subscription],
        publishes: str | None = None,
        write_rows: RowWriter | None = None,
    ) -> None:
        self._clock, self._places, self._publish = access.clock, places, publish
        self._pipeline, self._publishes, self._write_rows = pipeline, publishes, write_rows
        self._inputs = deque(inputs)
        self._by_topic = {one.topic: one for one in inputs}
        self._given: deque[Received] = deque()
        self._open = True
        self._pool = ThreadPoolExecutor(max(1, len(inputs)), f"pull for {pipeline}")
        places.acquire()
        self._place = places.newest() or Place()
        self._done = deque(self._place.done, REMEMBERED)
        self._known = set(self._done)

    def recover(self) -> Recovered:
        """State and counters of the last commit."""
        return Recovered(self._place.state, self._place.counters)

    def pull(self, limit: int, timeout: float) -> list[Received]:
        """Up to ``limit`` messages not given before; inputs that have some get equal shares."""
        self._places.renew()
        deadline = self._clock.monotonic() + timeout
        while True:
            messages = self._take(limit)
            left = deadline - self._clock.monotonic()
            if messages or left <= 0:
                self._given += messages
                return messages
            self._clock.sleep(min(0.1, left))

    def _take(self, limit: int) -> list[Received]:
        """Messages of all inputs, which are asked at the same time: one that has none may take long to say so."""
        self._inputs.rotate(-1)  # nobody is first every time, which matters when the limit is small
        messages: list[Received] = []
        waiting = list(self._inputs)
        while waiting and len(messages) < limit:
            share, rest = divmod(limit - len(messages), len(waiting))
            asked = [(one, share + (number < rest)) for number, one in enumerate(waiting)]
            asked = [(one, wanted) for one, wanted in asked if wanted]
            answers = list(self._pool.map(lambda each: each[0].pull(each[1], self._known), asked))
            for got in answers:
                messages += got
            waiting = [one for (one, wanted), got in zip(asked, answers, strict=True) if len(got) == wanted]
        return messages

    def commit(self, step: Commit) -> None:
        """Make a step durable; when it raises, its output may be there, and comes again with its messages."""
        other = [topic for topic, _ in step.outgoing if topic not in {self._publishes, DEAD_LETTER_TOPIC}]
        if other or (step.rows and self._write_rows is None):
            error = f"the channel of {self._pipeline} takes nothing for this output"
            raise ValueError(error)
        count = count_taken(self._pipeline, self._given, step.taken)
        taken = [self._given[number] for number in range(count)]
        self._places.renew()
        if self._write_rows is not None:
            self._write_rows(step.rows)
        self._publish(step.outgoing)
        self._places.renew()  # which may have taken long enough for another process to take over
        self._keep(step, [(one.topic, one.id) for one in taken])
        for one in taken:
            self._given.popleft()
            self._by_topic[one.topic].done(one.id)
        for source in self._inputs:
            source.acknowledge()

    def _keep(self, step: Commit, taken: Sequence[tuple[str, str]]) -> None:
        done = deque(self._done, REMEMBERED)
        done.extend(taken)
        state = self._place.state if step.state is None else step.state
        place = Place(state, dict(step.counters), list(done), self._clock.now_ms())
        self._places.commit(place)
        self._place, self._done, self._known = place, done, set(done)

    def close(self) -> None:
        """Give the pipeline back; what was pulled and not committed will be given again."""
        if not self._open:
            return
        self._open = False
        self._pool.shutdown()
        try:
            for source in self._inputs:
                source.give_back()
        finally:
            self._places.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
