"""Differences for people and programs: a summary, then what differs, each with the panes and source offsets behind it.

Everything is bounded by a limit, and an id reaches a terminal only with its control characters escaped.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ranking_app.backfill.differences import (
    BoardDifference,
    BoardRow,
    CurveDifference,
    Differences,
    MinuteDifference,
    RowDifference,
    Stand,
    StandDifference,
)
from ranking_app.backfill.trace import Cause, PaneSide, Trace, TracedPane
from ranking_app.rankings.boards.board import Board
from ranking_app.rankings.curve import Totals
from ranking_app.rankings.panes import MINUTE_S
from schemas.times import format_s

LIMIT = 20
"""Schedules, standings and board rows that are shown, of each kind."""


def show(differences: Differences, trace: Trace, write: Callable[[str], None], *, limit: int, as_json: bool) -> bool:
    """Write everything, line by line; returns whether the two are equal. limit: of each kind of difference."""
    for line in as_json_lines(differences, trace, limit) if as_json else as_text(differences, trace, limit):
        write(line)
    return differences.equal


def as_text(differences: Differences, trace: Trace, limit: int = LIMIT) -> Iterator[str]:
    """The lines for people."""
    yield from summary(differences)
    for curve in differences.curves[:limit]:
        yield from _curve_text(curve, trace)
    yield from _more(len(differences.curves) - limit, "schedules sold differently")
    for stand in differences.stands[:limit]:
        yield _stand_text(stand)
    yield from _more(len(differences.stands) - limit, "standings differ")
    traced = {curve.schedule_id for curve in differences.curves[:limit]}
    rows = _board_rows(differences, limit)
    for board, row in rows:
        causes = trace.causes(board, row)
        yield _row_text(board, row, causes)
        for cause in causes:
            if cause.schedule_id not in traced:
                yield from _panes_text(trace.panes(*cause))
    yield from _more(_count_rows(differences) - len(rows), "rows of boards differ")


def summary(differences: Differences) -> list[str]:
    """What was compared, and how much of it differs."""
    compared = differences.compared
    until = "all seconds" if compared.until_s is None else f"seconds before {format_s(compared.until_s)}"
    lines = [
        f"compared  {compared.schedules:,} schedules, {compared.seconds:,} seconds with sales ({until})",
        f"compared  {compared.boards:,} boards at {compared.instants:,} instants, {compared.rows:,} rows",
    ]
    if differences.equal:
        return [*lines, "equal"]
    seconds = sum(curve.seconds for curve in differences.curves)
    return [
        *lines,
        f"different {len(differences.curves):,} schedules sold differently, in {seconds:,} seconds; "
        f"{len(differences.stands):,} standings; "
        f"{len(differences.boards):,} boards, {_count_rows(differences):,} rows of them",
    ]


def as_json_lines(differences: Differences, trace: Trace, limit: int = LIMIT) -> Iterator[str]:
    """The same for programs: one JSON object a line, `kind` says what it is; the summary is the first."""
    yield json.dumps(_summary_object(differences))
    for curve in differences.curves[:limit]:
        yield json.dumps(_curve_object(curve, trace))
    for stand in differences.stands[:limit]:
        yield json.dumps(_stand_object(stand))
    for board, row in _board_rows(differences, limit):
        yield json.dumps(_row_object(board, row, trace))


def safe(text: str) -> str:
    r"""The text with what a terminal may act on as \uXXXX, as JSON writes it.

    >>> safe("콘서트 \x1b[2J")
    '콘서트 \\u001b[2J'
    """
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _board_rows(differences: Differences, limit: int) -> list[tuple[BoardDifference, RowDifference]]:
    return [(board, row) for board in differences.boards for row in board.rows][:limit]


def _count_rows(differences: Differences) -> int:
    return sum(board.rows_count for board in differences.boards)


def _more(count: int, what: str) -> list[str]:
    return [f"… and {count:,} more: {what}"] if count > 0 else []


def _curve_text(curve: CurveDifference, trace: Trace) -> Iterator[str]:
    yield (
        f"schedule {safe(curve.schedule_id)}: {curve.seconds:,} seconds in {curve.minutes_count:,} minutes differ; "
        f"old {_totals_text(curve.old)}, new {_totals_text(curve.new)}; "
        f"sold {curve.new.quantity - curve.old.quantity:+,}, amount {curve.new.amount - curve.old.amount:+,}"
    )
    for found in curve.minutes:
        yield (
            f"  minute {_minute(found.minute)}: {found.seconds} seconds; "
            f"old {_totals_text(found.old)}, new {_totals_text(found.new)}"
        )
        yield from _panes_text(trace.panes(curve.schedule_id, found.minute))
    yield from _more(curve.minutes_count - len(curve.minutes), "minutes of this schedule")


def _panes_text(panes: list[TracedPane]) -> list[str]:
    return [f"    {_pane_text(pane)}" for pane in panes]


def _pane_text(pane: TracedPane) -> str:
    sides = [
        f"{name} {side.topic}[{pane.source.partition}] offsets {_first_text(side)}..{side.applied} "
        f"({_totals_text(side.totals)})"
        for name, side in (("old", pane.old), ("new", pane.new))
        if side is not None
    ]
    return f"{pane.verdict}: {'; '.join(sides)}"


def _first_text(side: PaneSide) -> str:
    return "?" if side.first is None else str(side.first)


def _totals_text(totals: Totals) -> str:
    return f"+{totals.completed:,} -{totals.cancelled:,} amount {totals.amount:,}"


def _stand_text(found: StandDifference) -> str:
    old, new = _stand_fields(found.old), _stand_fields(found.new)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    fields = ", ".join(f"{name} {_shown(old.get(name))} -> {_shown(new.get(name))}" for name in names)
    return f"standing of {safe(found.schedule_id)} at {format_s(found.as_of_s)}: {fields}"


def _row_text(board: BoardDifference, row: RowDifference, causes: list[Cause]) -> str:
    why = ", ".join(f"{safe(cause.schedule_id)} minute {_minute(cause.minute)}" for cause in causes)
    return (
        f"board {_board_name(board.board)} at {format_s(board.as_of_s)} place {row.place + 1}: "
        f"old {_board_row_text(row.old)}, new {_board_row_text(row.new)}; "
        f"because of {why or 'other rows: these schedules sold the same'}"
    )


def _board_row_text(row: BoardRow | None) -> str:
    return "none" if row is None else f"rank {row.rank} {safe(row.schedule_id)} score {row.score:,}"


def _board_name(board: Board) -> str:
    window = "all" if board.window_s is None else f"{board.window_s}s"
    return " ".join([board.name, window, *(f"{name}={value}" for name, value in board.parameters().items())])


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _summary_object(differences: Differences) -> dict[str, Any]:
    compared = differences.compared
    return {
        "kind": "summary",
        "equal": differences.equal,
        "until": None if compared.until_s is None else format_s(compared.until_s),
        "schedules": compared.schedules,
        "seconds": compared.seconds,
        "instants": compared.instants,
        "boards": compared.boards,
        "rows": compared.rows,
        "differentSchedules": len(differences.curves),
        "differentSeconds": sum(curve.seconds for curve in differences.curves),
        "differentStandings": len(differences.stands),
        "differentBoards": len(differences.boards),
        "differentRows": _count_rows(differences),
    }


def _curve_object(curve: CurveDifference, trace: Trace) -> dict[str, Any]:
    return {
        "kind": "schedule",
        "concertScheduleId": curve.schedule_id,
        "seconds": curve.seconds,
        "minutesCount": curve.minutes_count,
        "old": _totals_object(curve.old),
        "new": _totals_object(curve.new),
        "minutes": [_minute_object(found, trace.panes(curve.schedule_id, found.minute)) for found in curve.minutes],
    }


def _minute_object(found: MinuteDifference, panes: list[TracedPane]) -> dict[str, Any]:
    return {
        "minute": _minute(found.minute),
        "seconds": found.seconds,
        "old": _totals_object(found.old),
        "new": _totals_object(found.new),
        "panes": [_pane_object(pane) for pane in panes],
    }


def _pane_object(pane: TracedPane) -> dict[str, Any]:
    return {
        "partition": pane.source.partition,
        "verdict": pane.verdict,
        "old": _side_object(pane.old),
        "new": _side_object(pane.new),
    }


def _side_object(side: PaneSide | None) -> dict[str, Any] | None:
    if side is None:
        return None
    seconds = {format_s(at_s): _totals_object(totals) for at_s, totals in side.seconds}
    return {
        "topic": side.topic,
        "firstOffset": side.first,
        "lastOffset": side.applied,
        **_totals_object(side.totals),
        "seconds": seconds,
    }


def _totals_object(totals: Totals) -> dict[str, int]:
    return {"completed": totals.completed, "cancelled": totals.cancelled, "amount": totals.amount}


def _stand_object(found: StandDifference) -> dict[str, Any]:
    return {
        "kind": "standing",
        "concertScheduleId": found.schedule_id,
        "asOf": format_s(found.as_of_s),
        "old": _stand_fields(found.old),
        "new": _stand_fields(found.new),
    }


def _stand_fields(stand: Stand) -> dict[str, Any]:
    reached = {f"milestone{percent}": _second(at_s) for percent, at_s in stand.milestones}
    return {
        "status": stand.status,
        "soldOutAt": _second(stand.sold_out_at_s),
        "sellOutSeconds": stand.sell_out_seconds,
        **reached,
    }


def _row_object(board: BoardDifference, row: RowDifference, trace: Trace) -> dict[str, Any]:
    return {
        "kind": "boardRow",
        "board": board.board.name,
        "windowSeconds": board.board.window_s,
        **board.board.parameters(),
        "asOf": format_s(board.as_of_s),
        "place": row.place + 1,
        "old": _board_row_object(row.old),
        "new": _board_row_object(row.new),
        "because": [_cause_object(cause, trace.panes(*cause)) for cause in trace.causes(board, row)],
    }


def _cause_object(cause: Cause, panes: list[TracedPane]) -> dict[str, Any]:
    return {
        "concertScheduleId": cause.schedule_id,
        "minute": _minute(cause.minute),
        "panes": [_pane_object(pane) for pane in panes],
    }


def _board_row_object(row: BoardRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"rank": row.rank, "concertScheduleId": row.schedule_id, "score": row.score}


def _minute(minute: int) -> str:
    return format_s(minute * MINUTE_S)


def _second(at_s: int | None) -> str | None:
    return None if at_s is None else format_s(at_s)
