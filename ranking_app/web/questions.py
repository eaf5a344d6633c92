"""What is asked of a board, read from a request: the board, the slice, the instant, the page; and as a link again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import quote, urlencode

from ranking_app.rankings.boards.board import Board, BoardKind, Parameter
from ranking_app.rankings.boards.kinds import KINDS
from ranking_app.rankings.slices import CAPACITY_CLASSES, Slice
from ranking_app.rankings.ties import Ties
from ranking_app.web.answers import whole_second_or_null
from ranking_app.web.params import MAX_LIMIT, MAX_OFFSET, Query
from ranking_app.web.problems import InvalidParameter, UnknownBoard
from schemas.times import FIRST_S, format_s

TIES: tuple[Ties, ...] = get_args(Ties)

MAX_TEXT_CHARS = 200
"""Of a genre, region or venue: what the catalogue takes."""

MAX_COMPARE_S = 366 * 86_400

BOOLEANS = ("false", "true")


@dataclass(frozen=True, slots=True)
class Question:
    """One board at one instant. window_text: as it is asked for again, '' where the board has none.

    moves: whether entries say where they stood before. live: no asOf was given: the next answer is of a later one.
    """

    board: Board
    window_text: str
    part: Slice
    ties: Ties
    compare_s: int
    explain: bool
    moves: bool
    as_of_s: int
    live: bool

    def link(self, **page: int | str) -> str:
        """The path and query of the same question with its instant written out: the same answer each time."""
        given: dict[str, Any] = {"window": self.window_text, **self.board.parameters()}
        given |= {name: value for name, value in slice_texts(self.part).items() if value is not None}
        given |= {"ties": self.ties, "compare": f"{self.compare_s}s"}
        given |= {"explain": "true"} if self.explain else {}
        given |= {} if self.moves else {"movement": "false"}
        given |= {"asOf": format_s(self.as_of_s), **page}
        query = urlencode({name: value for name, value in given.items() if value != ""}, quote_via=quote, safe=":,")
        return f"/v1/rankings/{self.board.name}?{query}"


@dataclass(frozen=True, slots=True)
class Page:
    """offset entries are left out, or all up to a row and that one; then limit entries shown."""

    offset: int
    limit: int
    after: tuple[int, int, str] | None = None


def unknown_board(name: str) -> UnknownBoard:
    """The problem of a name that no board has."""
    return UnknownBoard(f"expected one of {', '.join(KINDS)}, got {name[:40]!r}")


def read_question(kind: BoardKind, query: Query, live_as_of_s: int, defaults: Mapping[str, str]) -> Question:
    """The question in a request's parameters. defaults: of parameters that a setting chose. InvalidParameter."""
    window_s: int | None = None
    if kind.default_window is not None:
        window_s = query.window_s("window", kind.default_window)
    given = {parameter.name: _value(query, parameter, defaults) for parameter in kind.parameters}
    try:
        board = kind.make(window_s, given)
    except ValueError as exc:
        raise InvalidParameter("window", str(exc)) from None
    as_of_s = query.instant_s("asOf")
    question = Question(
        board=board,
        window_text="" if kind.default_window is None else "all" if window_s is None else f"{window_s}s",
        part=read_slice(query),
        ties=query.choice("ties", TIES, "standard"),
        compare_s=query.length_s("compare", board.compare_s, MAX_COMPARE_S),
        explain=query.choice("explain", BOOLEANS, "false") == "true",
        moves=query.choice("movement", BOOLEANS, "true") == "true",
        as_of_s=live_as_of_s if as_of_s is None else as_of_s,
        live=as_of_s is None,
    )
    start_s = board.window(question.as_of_s).start_s
    if start_s is not None and start_s < FIRST_S:
        raise InvalidParameter("window", "reaches back before the year 1; for everything before asOf, ask for all")
    return question


def at_instant(question: Question, as_of_s: int) -> Question:
    """The same question of a fixed instant."""
    return replace(question, as_of_s=as_of_s, live=False)


def read_page(query: Query) -> Page:
    """offset and limit."""
    return Page(query.whole("offset", 0, MAX_OFFSET, default=0), query.whole("limit", 1, MAX_LIMIT, default=10))


def read_slice(query: Query) -> Slice:
    """The slice; a range of show dates is half-open."""
    wanted_class = query.text("capacityClass")
    if wanted_class is not None:
        wanted_class = query.choice("capacityClass", CAPACITY_CLASSES, "unknown")
    from_s, to_s = query.instant_s("showFrom"), query.instant_s("showTo")
    if from_s is not None and to_s is not None and from_s >= to_s:
        raise InvalidParameter("showTo", f"expected a time after showFrom ({format_s(from_s)}), got {format_s(to_s)}")
    return Slice(
        genre=query.text("genre", MAX_TEXT_CHARS),
        region=query.text("region", MAX_TEXT_CHARS),
        venue=query.text("venue", MAX_TEXT_CHARS),
        capacity_class=wanted_class,
        show_from_ms=None if from_s is None else from_s * 1000,
        show_to_ms=None if to_s is None else to_s * 1000,
    )


def slice_texts(part: Slice) -> dict[str, str | None]:
    """The slice as it is asked for and answered."""
    return {
        "genre": part.genre,
        "region": part.region,
        "venue": part.venue,
        "capacityClass": part.capacity_class,
        "showFrom": whole_second_or_null(part.show_from_ms),
        "showTo": whole_second_or_null(part.show_to_ms),
    }


def _value(query: Query, parameter: Parameter, defaults: Mapping[str, str]) -> Any:
    default = defaults.get(parameter.name, parameter.default)
    if parameter.choices:
        return query.choice(parameter.name, parameter.choices, default)
    try:
        return parameter.parse(query.text(parameter.name) or default)
    except ValueError as exc:
        raise InvalidParameter(parameter.name, str(exc)) from None
