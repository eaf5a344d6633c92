"""Answers about boards: ask the core for the entries, their movement and their links, and put them into words."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any, cast

from ranking_app.rankings.boards.board import Ranked
from ranking_app.rankings.entries import Entry, first_around, page
from ranking_app.rankings.movement import Movement, issues_before, movement
from ranking_app.rankings.schedule import Schedule
from ranking_app.read_model.board_views import BoardViews
from ranking_app.web.answers import second_or_null, whole_second_or_null, window_answer
from ranking_app.web.cursor import Cursor, write_cursor
from ranking_app.web.models import BoardPageAnswer, EntryAnswer
from ranking_app.web.problems import NotOnBoard
from ranking_app.web.questions import Page, Question, slice_texts
from schemas.times import FIRST_S, format_s


class BoardAnswers:
    """The answers of one read model. None of it awaits: an answer is one moment of the model."""

    def __init__(self, views: BoardViews) -> None:
        self._views = views

    def ranked(self, question: Question) -> Ranked:
        """All of the board that is asked for."""
        if question.live:
            return self._views.live(question.board, question.part, question.as_of_s)
        return self._views.at(question.board, question.part, question.as_of_s)

    def page_around(self, question: Question, schedule: Schedule, span: int) -> Page:
        """The page with span entries on each side of a schedule. NotOnBoard."""
        ranked = self.ranked(question)
        place = ranked.place(schedule) if question.part.holds(schedule) else None
        if place is None:
            raise NotOnBoard(f"{schedule.id!r} is not on the board {question.board.name} as it is asked for.")
        return Page(*first_around(len(ranked), place, span))

    async def prepare(self, question: Question) -> None:
        """Compute the issues that an answer needs, one at a time: others are answered in between."""
        board, part, as_of_s = question.board, question.part, question.as_of_s
        if question.live:
            await self._views.prepare_live(board, part, as_of_s)
            if question.moves:
                await self._views.prepare_live(board, part, as_of_s - question.compare_s, _before_name(question))
        else:
            await self._views.prepare_at(board, part, as_of_s)
            if question.moves:
                await self._views.prepare_at(board, part, max(as_of_s - question.compare_s, FIRST_S))
        if question.moves:
            await self._views.prepare_book(board, part, as_of_s, question.compare_s, FIRST_S)

    def answer(self, question: Question, shown: Page) -> BoardPageAnswer:
        """Everything but completeness."""
        ranked = self.ranked(question)
        if shown.after is not None:
            shown = Page(bisect_right(ranked.rows, shown.after, key=lambda row: row[:3]), shown.limit)
        entries = page(ranked, question.ties, shown.offset, shown.limit, question.explain)
        end = shown.offset + len(entries)
        cursor = self._cursor(question, ranked, end) if entries and end < len(ranked) else None
        before_s = max(question.as_of_s - question.compare_s, FIRST_S)
        issues = issues_before(question.as_of_s, question.compare_s, FIRST_S)
        moves = self._moves(question, ranked, entries, shown.offset, before_s) if question.moves else repeat(None)
        answer: dict[str, Any] = {"board": question.board.name}
        if question.board.name == "sales":
            answer["by"] = question.board.parameters()["by"]
        return cast(
            BoardPageAnswer,
            answer
            | {
                "ties": question.ties,
                "window": window_answer(question.board.window(question.as_of_s)),
                "asOf": format_s(question.as_of_s),
                "total": len(ranked),
                "entries": [_entry_answer(entry, move) for entry, move in zip(entries, moves, strict=False)],
                "parameters": dict(question.board.parameters()),
                "slice": slice_texts(question.part),
                "compare": {"asOf": format_s(before_s), "seconds": question.compare_s},
                "history": {"issues": len(issues), "since": format_s((issues or [question.as_of_s])[-1])},
                "links": {
                    "permalink": question.link(limit=shown.limit, offset=shown.offset),
                    "next": None if cursor is None else question.link(limit=shown.limit, cursor=cursor),
                },
                "nextCursor": cursor,
            },
        )

    def _moves(
        self, question: Question, ranked: Ranked, entries: Sequence[Entry], offset: int, before_s: int
    ) -> Iterator[Movement]:
        """Each entry's way here, in their order. offset: of the first one."""
        before = self._before(question, before_s)
        book = self._views.book(question.board, question.part, question.as_of_s, question.compare_s, FIRST_S)
        newest_s = book.issues[0] if book.issues else question.as_of_s
        for place, entry in enumerate(entries, start=offset):
            standard = entry.rank if question.ties == "standard" else ranked.rank(place, "standard")
            previous = _rank(before, entry.schedule, question)
            past = book.past(entry.schedule)
            yield movement(past, entry.rank, standard, previous, question.as_of_s, newest_s)

    def _before(self, question: Question, as_of_s: int) -> Ranked:
        if question.live:
            return self._views.live(question.board, question.part, as_of_s, _before_name(question))
        return self._views.at(question.board, question.part, as_of_s)

    def _cursor(self, question: Question, ranked: Ranked, end: int) -> str:
        return write_cursor(Cursor(question.as_of_s, ranked.rows[end - 1][:3]), question.link())


def _before_name(question: Question) -> str:
    """Of the live board that movement is told against."""
    return f"{question.compare_s} s before"


def _rank(ranked: Ranked, schedule: Schedule, question: Question) -> int | None:
    place = ranked.place(schedule)
    return None if place is None else ranked.rank(place, question.ties)


def _entry_answer(entry: Entry, moved: Movement | None) -> EntryAnswer:
    listing = entry.schedule.listing
    return {
        "rank": entry.rank,
        "concertScheduleId": entry.schedule.id,
        "title": listing.title if listing else None,
        "score": entry.score,
        "sold": entry.sold,
        "cancelled": entry.cancelled,
        "quantity": entry.quantity,
        "amount": entry.amount,
        "capacity": entry.capacity,
        "soldRatio": entry.sold_ratio,
        "status": entry.status,
        "soldOutAt": second_or_null(entry.sold_out_at_s),
        "sellOutSeconds": entry.sell_out_seconds,
        "seatsLeft": None if entry.capacity is None else entry.capacity - entry.sold,
        "sharePercent": entry.share_percent,
        "previousRank": moved.previous_rank if moved else None,
        "movement": moved.move if moved else None,
        "peakRank": moved.peak_rank if moved else None,
        "peakAt": format_s(moved.peak_at_s) if moved else None,
        "streak": moved.streak if moved else None,
        "secondsAtTop": moved.seconds_at_top if moved else None,
        "venue": listing.venue if listing else None,
        "region": listing.region if listing else None,
        "genre": listing.genre if listing else None,
        "startsAt": whole_second_or_null(listing.starts_at_ms if listing else None),
        "detail": entry.detail,
    }
