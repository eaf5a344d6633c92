"""A process beside that answers at once, or does not: what an Applier has to live with, without a process."""

import asyncio
import pickle
from collections.abc import Sequence
from enum import Enum
from typing import Any
from unittest import mock

from agents.tally_child import Request, answer
from agents.tally_process import Answer
from ranking_app.rankings.numbering import Numbering
from schemas.decode import DecodeRules
from schemas.record import Record


class Says(Enum):
    """What becomes of a slice that it is asked for."""

    BUSY = "do it yourself"
    DIED = "it was taken, and never answered"
    LATER = "it is not begun with, and may be taken back"
    TALLY = "it was tallied"


class PatternTallying:
    """Answers by a pattern, again and again; what it tallies has been through pickle, as between processes."""

    def __init__(self, *pattern: Says) -> None:
        self._pattern = pattern
        self.said: list[Says] = []
        self.closed = False
        self._later: set[Answer] = set()
        self._numbering = Numbering()

    def ask(
        self, records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False
    ) -> Answer | None:
        says = self._pattern[len(self.said) % len(self._pattern)]
        self.said.append(says)
        if says is Says.BUSY:
            return None
        found: Answer = asyncio.get_running_loop().create_future()
        if says is Says.LATER:
            self._later.add(found)
            return found
        offsets, values = [one.offset for one in records], [one.value for one in records]
        request = Request(rules, now_ms, with_offsets, offsets, values)
        tally = pickle.loads(pickle.dumps(answer(request, self._numbering))) if says is Says.TALLY else None
        found.set_result(tally)
        return found

    def take_back(self, answer: Answer) -> bool:
        return answer in self._later

    def prepare(self) -> None:
        pass

    async def close(self) -> None:
        self.closed = True


class Noting(PatternTallying):
    """What was asked for, as offsets, and what was taken back."""

    def __init__(self, *pattern: Says) -> None:
        super().__init__(*pattern)
        self.asked: list[list[int]] = []
        self.taken_back = 0

    def ask(
        self, records: Sequence[Record], rules: DecodeRules, now_ms: int, with_offsets: bool = False
    ) -> Answer | None:
        self.asked.append([one.offset for one in records])
        return super().ask(records, rules, now_ms, with_offsets)

    def take_back(self, answer: Answer) -> bool:
        taken = super().take_back(answer)
        self.taken_back += taken
        return taken


def small_slices(helped: int = 1, tallied: int = 4, own: int = 2) -> Any:
    """A context in which a handful of records is a backlog. Lengths of agents.decoding."""
    return mock.patch.multiple(
        "agents.decoding", HELPED_RECORDS=helped, TALLIED_RECORDS=tallied, SLICE_RECORDS=own, AHEAD_RECORDS=1
    )
