"""The web without Kafka: a small read model over real curves and listings, asked one question at a time."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy
from yarl import URL

from ranking_app.metrics import Metrics
from ranking_app.rankings.change_log import FROM_EVER_S, ChangeLog, Changes
from ranking_app.rankings.curve import Curve
from ranking_app.rankings.schedule import Schedule
from ranking_app.read_model.pane_offsets import PaneOffsets, PaneRange, pane_number
from ranking_app.read_model.sources import Completeness, PartitionState, SourceActivity, SourceKey
from ranking_app.settings import BASE
from ranking_app.web.app import create_web_app
from schemas.catalogue import Listing
from tables.position import Position

DAY = "2026-06-14"


def second(clock: str) -> int:
    """`11:00:03` on DAY (or a whole ISO time) as seconds since the epoch, UTC."""
    text = clock if "T" in clock else f"{DAY}T{clock}"
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def shown(clock: str) -> str:
    """`11:00:03` as answers show it."""
    return f"{DAY}T{clock}Z"


STATE = Completeness(
    complete=True,
    final=False,
    late=0,
    duplicates=0,
    dead_letters=0,
    partitions=(
        PartitionState("reservation.completed", 0, 1234, 0, second("11:59:59") * 1000 + 412),
        PartitionState("concert.schedule.created", 0, 57, 0, None),
    ),
)


@dataclass
class FakeReadModel:
    """Knows what a test told it, and that it is noon: the live asOf is 12:00:00."""

    loaded: bool = True
    generation: str = BASE
    log: ChangeLog = field(default_factory=ChangeLog)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    live_s: int = second("12:00:00")
    state: Completeness = STATE
    asked_ends_s: list[int] = field(default_factory=list)
    _seconds: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    _panes: PaneOffsets = field(default_factory=PaneOffsets)
    _offset: int = -1

    @property
    def revision(self) -> int:
        return self.log.revision

    async def settle(self, ids: Collection[str] | None = None, somebody_waits: bool = False) -> None:
        """Nothing waits to be read."""

    def changes_since(self, revision: int) -> Changes | None:
        return self.log.since(revision)

    def live_as_of_s(self) -> int:
        return self.live_s

    def topic_of(self, source: SourceKey) -> str:
        return ("reservation.completed", "reservation.cancelled", "concert.schedule.created")[source.role]

    def panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> list[PaneRange]:
        return self._panes.of(schedule_id, from_minute, to_minute)

    def count_panes_of(self, schedule_id: str, from_minute: int, to_minute: int) -> int:
        return self._panes.count_of(schedule_id, from_minute, to_minute)

    def activity(self) -> list[SourceActivity]:
        state, _ = self.state.partitions
        return [SourceActivity(state, Position(state.offset, owner="127.0.0.1:6066", takeovers=1), 2.5)]

    def completeness(self, end_s: int) -> Completeness:
        self.asked_ends_s.append(end_s)
        return self.state

    def sell(self, schedule_id: str, clock: str, quantity: int = 1, amount: int = 0) -> "FakeReadModel":
        """Completed sales at a time of the day; a negative quantity cancels, and gives the amount back."""
        return self.sell_at(schedule_id, second(clock), quantity, amount)

    def sell_at(self, schedule_id: str, at_s: int, quantity: int = 1, amount: int = 0) -> "FakeReadModel":
        """The same in a second since the epoch, UTC."""
        cell = self._seconds.setdefault(schedule_id, {}).setdefault(at_s, [0, 0, 0])
        cell[0] += max(quantity, 0)
        cell[1] += max(-quantity, 0)
        cell[2] += amount if quantity > 0 else -amount
        minute = at_s // 60
        seconds = sorted(self._seconds[schedule_id].items())
        of_minute = [(s, c[0], c[1], c[2]) for s, c in seconds if s // 60 == minute]
        self._schedule(schedule_id).curve.put(SourceKey(0, 0), minute, of_minute)
        self._offset += 1
        self._panes.put(schedule_id, pane_number(0, 0, minute), self._offset, first=None)
        self.log.add(Changes({schedule_id}, minute * 60, (minute + 1) * 60))
        return self

    def list(self, schedule_id: str, capacity: int, **other: Any) -> "FakeReadModel":
        """A record in the catalogue."""
        nothing = dict.fromkeys(("title", "venue", "region", "genre", "sale_opens_at_ms", "starts_at_ms"))
        self._schedule(schedule_id).listing = Listing(schedule_id, capacity, **{**nothing, **other})
        self.log.add(Changes({schedule_id}, FROM_EVER_S))
        return self

    def with_state(self, **changes: Any) -> "FakeReadModel":
        self.state = replace(self.state, **changes)
        return self

    def _schedule(self, schedule_id: str) -> Schedule:
        return self.schedules.setdefault(schedule_id, Schedule(schedule_id, Curve(), None))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


async def ask(
    model: FakeReadModel,
    path: str,
    *,
    method: str = "GET",
    timezone: str = "UTC",
    metrics: Metrics | None = None,
    **request: Any,
) -> Answer:
    """One request to a web application over model. path: with the query, percent-encoded as it is sent."""
    app = create_web_app(model, timezone=ZoneInfo(timezone), metrics=metrics or Metrics())
    async with (
        TestClient(TestServer(app)) as client,
        client.request(method, URL(path, encoded=True), **request) as response,
    ):
        return Answer(response.status, response.headers, await response.read())


async def get_json(model: FakeReadModel, path: str, **options: Any) -> Any:
    """The JSON of an answer that must be a good one."""
    answer = await ask(model, path, **options)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json


async def refused(model: FakeReadModel, path: str, **options: Any) -> tuple[int, Any]:
    """Status and JSON of an answer that must be a problem."""
    answer = await ask(model, path, **options)
    assert answer.headers["Content-Type"] == "application/problem+json", answer.body
    assert answer.json["status"] == answer.status
    return answer.status, answer.json
