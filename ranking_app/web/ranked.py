"""Sorted boards, computed once for all pages and tie modes that are asked of the same moment."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from ranking_app.rankings.boards import Ranked, SellOutStatus, sales_board, sell_out_board
from ranking_app.rankings.curve import By
from ranking_app.rankings.windows import Window
from ranking_app.web.reads import ReadModel

MAX_BOARDS = 32
"""A page that shows some boards, and a few readers who page through others."""

MAX_ROWS = 400_000
"""Over all boards together, some 100 MB: four full boards of a catalogue of 100,000 schedules."""


class RankedBoards:
    """The sorted boards of one revision of the read model; a newer revision forgets them all."""

    def __init__(self, read_model: ReadModel) -> None:
        self._read_model = read_model
        self._revision = read_model.revision
        self._boards: OrderedDict[Hashable, Ranked] = OrderedDict()
        self._rows = 0

    def sales(self, window: Window, by: By) -> Ranked:
        """The sales board of a window."""
        schedules = self._read_model.schedules
        return self._get(("sales", window, by), lambda: sales_board(schedules.values(), window, by))

    def sell_out(self, window: Window, status: SellOutStatus) -> Ranked:
        """The sell-out board of a window."""
        schedules = self._read_model.schedules
        return self._get(("sell-out", window, status), lambda: sell_out_board(schedules.values(), window, status))

    def _get(self, key: Hashable, compute: Callable[[], Ranked]) -> Ranked:
        if self._read_model.revision != self._revision:
            self._boards.clear()
            self._rows = 0
            self._revision = self._read_model.revision
        board = self._boards.pop(key, None)
        if board is None:
            board = compute()
            self._rows += len(board)
        self._boards[key] = board  # last: the least recently asked for is first
        while self._boards and (len(self._boards) > MAX_BOARDS or self._rows > MAX_ROWS):
            self._rows -= len(self._boards.popitem(last=False)[1])
        return board
