"""The events of `/v1/live`, and the boards that they make: a snapshot, then deltas. No I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from ranking_app.web.models import EntryAnswer, OneOfBoardsAnswer


class OutOfStep(Exception):
    """A delta of boards that are not known here: only a snapshot helps."""


class Message(NamedTuple):
    """One event as it came. data: JSON."""

    event: str
    data: bytes
    id: str | None


class Messages:
    """Cuts a stream of bytes into the events of Server-Sent Events, as far as `/v1/live` uses them."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._fields: dict[bytes, bytes] = {}

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The events that are whole with this chunk.

        >>> list(Messages().feed(b': ping\\n\\nid: a.1\\nevent: delta\\ndata: {}\\n\\ndata: half'))
        [Message(event='delta', data=b'{}', id='a.1')]
        """
        looked = len(self._rest)
        self._rest += chunk
        begin = 0
        while (end := self._rest.find(b"\n", max(begin, looked))) >= 0:
            line = bytes(self._rest[begin:end]).rstrip(b"\r")
            begin = end + 1
            if line:
                name, _, value = line.partition(b":")
                self._fields[name] = value.removeprefix(b" ")
            elif (message := self._take()) is not None:
                yield message
        del self._rest[:begin]

    def _take(self) -> Message | None:
        fields, self._fields = self._fields, {}
        if b"data" not in fields:
            return None
        message_id = fields.get(b"id")
        return Message(
            fields.get(b"event", b"message").decode(),
            fields[b"data"],
            None if message_id is None else message_id.decode(),
        )


@dataclass(frozen=True, slots=True)
class LiveBoards:
    """Boards at one moment. boards: by what each was asked as; changed: those that differ from the moment before.

    generation: the tables behind them. A board that did not change keeps the asOf and window of when it last did;
    `as_of` holds for all of them.
    """

    as_of: str
    complete: bool
    generation: str
    boards: Mapping[str, OneOfBoardsAnswer]
    changed: frozenset[str]


def after(before: LiveBoards | None, event: str, data: Mapping[str, Any]) -> LiveBoards:
    """The boards after an event. OutOfStep where the event tells of what is not known before it."""
    if event == "snapshot":
        boards = {board["key"]: cast(OneOfBoardsAnswer, board) for board in data["boards"]}
        return LiveBoards(data["asOf"], data["complete"], data["generation"], boards, frozenset(boards))
    if before is None:
        raise OutOfStep(f"{event} before a snapshot")
    told = replace(
        before, as_of=data["asOf"], complete=data["complete"], generation=data["generation"], changed=frozenset()
    )
    if event != "delta":
        return told
    changed = {delta["key"]: _mended(before.boards.get(delta["key"]), delta) for delta in data["boards"]}
    return replace(told, boards={**before.boards, **changed}, changed=frozenset(changed))


def _mended(board: OneOfBoardsAnswer | None, delta: Mapping[str, Any]) -> OneOfBoardsAnswer:
    if board is None:
        raise OutOfStep(f"a delta of the unknown board {delta['key']!r}")
    known: dict[str, EntryAnswer] = {entry["concertScheduleId"]: entry for entry in board["entries"]}
    try:
        entries = [known[entry] if isinstance(entry, str) else entry for entry in delta["entries"]]
    except KeyError as unknown:
        raise OutOfStep(f"a delta of {delta['key']!r} keeps the unknown entry {unknown}") from None
    return cast(OneOfBoardsAnswer, {**board, **delta, "entries": entries})
