"""What a board is: a rule that says of each schedule, at an instant, whether it is on it and where it sorts.

A board is a value: two with the same parameters are equal and serve as a key. Everything else (pages, ties, slices,
movement, live boards that are kept up to date) is made of its rule, in one place for all boards. A new board is a
module beside this one, an entry in kinds.py and a test.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, ClassVar, overload

from ranking_app.rankings.change_log import FROM_EVER_S
from ranking_app.rankings.curve import Counts, Instants
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.ties import Ties, ranks
from ranking_app.rankings.windows import Window, window_before

HOUR_S = 3_600
DAY_S = 86_400

STEP_SCHEDULES = 500
"""Looked at in one go where others get their turn: some 2 ms."""

NOT_ON = 2**63 - 1
"""In keys_over: not on the board."""

Key = tuple[int, int]
"""(what the board is sorted by, ascending; the second that orders equals, earlier first)"""

KeyOf = Callable[[Schedule], Key | None]

Row = tuple[int, int, str, Schedule]
"""A key, the schedule's id, the schedule. Ids differ: comparing two rows ends there."""

Detail = dict[str, Any]
"""What one board says of an entry beyond what all say: JSON names and values."""


class Board(ABC):
    """A board with its parameters; subclasses are frozen dataclasses. asOf is an argument everywhere: no clock."""

    name: ClassVar[str]
    ascending: ClassVar[bool] = False
    """Whether a lower score is better."""

    shares: ClassVar[bool] = False
    """Whether scores add up to a whole of which an entry has a share."""

    within_window: ClassVar[bool] = False
    """Whether only what happened between its edges counts: nothing earlier changes a key."""

    window_s: int | None
    """Length of the window; None is all of time."""

    @abstractmethod
    def key_at(self, as_of_s: int) -> KeyOf:
        """A function that says where a schedule sorts at an instant, None where it is not on the board.

        It depends on the curve and the listing before as_of_s, and on nothing else. It is asked of every schedule:
        what is the same for all of them is worked out once, outside of it.
        """

    def keys_over(self, schedule: Schedule, instants: Instants) -> Counts | None:
        """What one schedule sorts by at many instants at once, NOT_ON where it is not on the board.

        None where the board, or this schedule, has to be asked for each with key_at.
        """
        return None

    def key(self, schedule: Schedule, as_of_s: int) -> Key | None:
        """Where one schedule sorts."""
        return self.key_at(as_of_s)(schedule)

    @property
    def edges_s(self) -> tuple[int, ...]:
        """How long before asOf a sale comes to count or ceases to: between two such moments no key changes."""
        return (0,) if self.window_s is None else (0, self.window_s)

    def counts_from_s(self, as_of_s: int) -> int:
        """What happened before this second changes no key at an instant."""
        return as_of_s - max(self.edges_s) if self.within_window and self.window_s is not None else FROM_EVER_S

    @property
    def compare_s(self) -> int:
        """How much earlier the board is that movement is told against: one window, at most a day."""
        return DAY_S if self.window_s is None else min(self.window_s, DAY_S)

    def window(self, as_of_s: int) -> Window:
        """The window that the board is about."""
        return window_before(as_of_s, self.window_s)

    def totals_window(self, as_of_s: int) -> Window:
        """The window of an entry's quantity, amount and cancelled."""
        return self.window(as_of_s)

    def score(self, sort_key: int) -> int:
        """What is shown of the number that the board is sorted by."""
        return sort_key if self.ascending else -sort_key

    def detail(self, schedule: Schedule, as_of_s: int, explain: bool) -> Detail | None:
        """What this board adds to an entry; explain: also the terms of its score."""
        return None

    def parameters(self) -> Mapping[str, str]:
        """Its own parameters as they would be asked for, without the window."""
        return {}

    def next_change_s(self, schedule: Schedule, as_of_s: int) -> int | None:
        """The first asOf after this one at which time alone may change the schedule's key; None where none can."""
        first_second_from = schedule.curve.first_second_from
        found: int | None = None
        for edge_s in self.edges_s:
            second = first_second_from(as_of_s - edge_s)
            if second is not None and (found is None or second + edge_s < found):
                found = second + edge_s
        return None if found is None else found + 1

    def rows(self, schedules: Iterable[Schedule], as_of_s: int) -> list[Row]:
        """Every schedule that is on the board, in its order."""
        key_of, rows = self.key_at(as_of_s), []
        for schedule in schedules:
            key = key_of(schedule)
            if key is not None:
                rows.append((*key, schedule.id, schedule))
        rows.sort()
        return rows


def merged_in_steps(runs: Sequence[list[Row]]) -> Generator[None, None, list[Row]]:
    """All rows of some lists, each of which is in order; some rows in a step, so that others get their turn."""
    rows, in_order = list[Row](), merge(*runs)
    while some := list(islice(in_order, STEP_SCHEDULES)):
        rows += some
        yield
    return rows


class SortKeys(Sequence[int]):
    """What a board's rows are sorted by, ascending, without copying it."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> int: ...

    @overload
    def __getitem__(self, place: slice) -> list[int]: ...

    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            return [row[0] for row in self._rows[place]]
        return self._rows[place][0]


@dataclass(slots=True, eq=False)
class Ranked:
    """All of a board in its order, for every page and tie mode, until one of its schedules changes."""

    board: Board
    as_of_s: int
    rows: list[Row]
    _sum: int | None = None
    _dense: list[int] | None = None
    _key_of: KeyOf | None = None

    @property
    def sum_of_keys(self) -> int:
        """Of all rows: what a share is a share of. Kept: pages of the same board ask again."""
        if self._sum is None:
            self._sum = sum(row[0] for row in self.rows)
        return self._sum

    def mended(self, as_of_s: int, gained: int) -> "Ranked":
        """As of another instant, with the same list of rows, changed since. gained: what its keys now sum to more."""
        known = None if self._sum is None else self._sum + gained
        return Ranked(self.board, as_of_s, self.rows, known)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def keys(self) -> SortKeys:
        """What it is sorted by."""
        return SortKeys(self.rows)

    def place(self, schedule: Schedule) -> int | None:
        """Where a schedule stands, 0 is first; None where it is not on the board."""
        if self._key_of is None:
            self._key_of = self.board.key_at(self.as_of_s)
        key = self._key_of(schedule)
        if key is None:
            return None
        at = bisect_left(self.rows, (*key, schedule.id))
        return at if at < len(self.rows) and self.rows[at][2] == schedule.id else None

    def rank(self, place: int, ties: Ties) -> int:
        """The rank at a place: standard 1 2 2 4, dense 1 2 2 3, ordinal 1 2 3 4."""
        if ties == "ordinal":
            return place + 1
        if ties == "standard":
            return bisect_left(self.rows, self.rows[place][:1]) + 1
        if self._dense is None:
            self._dense = ranks(self.keys, "dense", 0, len(self))
        return self._dense[place]


@dataclass(frozen=True, slots=True)
class Texts:
    """The same text in the languages of the page."""

    en: str
    ko: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a board. parse: text to value, ValueError saying what was expected; choices: none, any text."""

    name: str
    description: str
    default: str
    choices: tuple[str, ...] = ()
    parse: Callable[[str], Hashable] = str


@dataclass(frozen=True, slots=True)
class BoardKind:
    """A board before its parameters are known: its name, what it shows, and how it is made.

    default_window: as in a request; None where the board has no window parameter. make(window_s, parameters by name):
    the board; ValueError, saying what was expected, where such a window makes no sense.
    """

    name: str
    summary: Texts
    how: Texts
    default_window: str | None
    make: Callable[[int | None, Mapping[str, Any]], Board]
    parameters: tuple[Parameter, ...] = ()
