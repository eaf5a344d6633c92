"""The shape of every answer: typed dicts that handlers fill, mypy checks and `/openapi.json` describes.

One definition for all three. Fields stand in the order in which they are answered. Times are ISO 8601 in UTC
with a `Z`: whole seconds, but milliseconds in watermarks.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # not typing's: pydantic needs this one below Python 3.12

from ranking_app.rankings.curve import By
from ranking_app.rankings.movement import Move
from ranking_app.rankings.slices import CapacityClass
from ranking_app.rankings.status import Status
from ranking_app.rankings.ties import Ties

SECOND = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
MILLISECOND = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"

Second = Annotated[str, Field(pattern=SECOND, examples=["2026-06-14T11:00:00Z"])]
Millisecond = Annotated[str, Field(pattern=MILLISECOND, examples=["2026-06-14T11:00:00.412Z"])]

Rank = Annotated[int, Field(ge=1)]

SoldRatio = Annotated[
    float | None, Field(description="sold / capacity, rounded down to 4 decimals; null without a capacity.")
]
SellOutSeconds = Annotated[
    int | None,
    Field(description="soldOutAt - saleOpensAt (or - the first sale); negative when sold out before."),
]


class PartitionAnswer(TypedDict):
    """How far the answer follows one source partition."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0, description="The next source offset to be applied.")]
    lag: Annotated[int, Field(ge=0, description="The broker's end offset minus `offset`.")]
    watermark: Annotated[
        Millisecond | None,
        Field(description="The newest eventTime counted here; null: none, or the catalogue."),
    ]


class CompletenessAnswer(TypedDict):
    """What the answer covers, and whether it can still change."""

    complete: Annotated[bool, Field(description="Every partition is loaded and none is stale.")]
    final: Annotated[bool, Field(description="No reservation partition is expected to change the answer.")]
    late: Annotated[int, Field(ge=0, description="Events counted more than RANKING_GRACE behind their watermark.")]
    duplicates: Annotated[int, Field(ge=0, description="Events not counted, as their id was known.")]
    deadLetters: Annotated[int, Field(ge=0, description="Records that went to a dead-letter topic.")]
    partitions: Annotated[list[PartitionAnswer], Field(description="Both reservation topics and the catalogue.")]
    generation: Annotated[str, Field(description="The tables that it was answered from; no answer mixes two.")]


class WindowAnswer(TypedDict):
    """The half-open window [start, end); start and seconds are null for `all`."""

    start: Second | None
    end: Second
    seconds: Annotated[int, Field(ge=1)] | None


class EntryAnswer(TypedDict):
    """One schedule on a board."""

    rank: Rank
    concertScheduleId: str
    title: str | None
    score: Annotated[int, Field(description="What the board is sorted by.")]
    sold: Annotated[int, Field(description="Net quantity of everything before asOf; may exceed the capacity.")]
    cancelled: Annotated[int, Field(description="Quantity cancelled inside the window.")]
    quantity: Annotated[int, Field(description="Net quantity inside the window.")]
    amount: Annotated[int, Field(description="Net amount inside the window, smallest unit; may exceed 64 bits.")]
    capacity: int | None
    soldRatio: SoldRatio
    status: Status
    soldOutAt: Second | None
    sellOutSeconds: SellOutSeconds
    seatsLeft: Annotated[int | None, Field(description="capacity - sold; negative when oversold.")]
    sharePercent: Annotated[
        float | None, Field(description="Of the scores of the whole board; null where they do not add up.")
    ]
    previousRank: Annotated[Rank | None, Field(description="On the same board at compare.asOf; null: not on it.")]
    movement: Annotated[
        Move | None,
        Field(description="Against previousRank; reentry: on an earlier issue. From here on null for movement=false."),
    ]
    peakRank: Annotated[Rank | None, Field(description="The best of all issues and now; standard ties.")]
    peakAt: Annotated[Second | None, Field(description="The first issue with that rank, or asOf.")]
    streak: Annotated[
        Annotated[int, Field(ge=1)] | None,
        Field(description="Issues in a row that it is on the board, now included."),
    ]
    secondsAtTop: Annotated[
        Annotated[int, Field(ge=0)] | None,
        Field(description="How long an issue with it at number 1 was the newest."),
    ]
    venue: str | None
    region: str | None
    genre: str | None
    startsAt: Second | None
    detail: Annotated[dict[str, Any] | None, Field(description="What only this board says.")]


class SliceAnswer(TypedDict):
    """The part of all schedules that the board is of; null: any."""

    genre: str | None
    region: str | None
    venue: str | None
    capacityClass: CapacityClass | None
    showFrom: Second | None
    showTo: Second | None


class CompareAnswer(TypedDict):
    """The earlier board that movement is told against."""

    asOf: Second
    seconds: Annotated[int, Field(ge=1)]


class HistoryAnswer(TypedDict):
    """Issues: the same board at each whole multiple of compare.seconds since the epoch, the last 24 before asOf."""

    issues: Annotated[int, Field(ge=0)]
    since: Second


class BoardLinksAnswer(TypedDict):
    """permalink: this page of this instant, for ever. next: the page behind it, of the same instant."""

    permalink: str
    next: str | None


class BoardPageAnswer(TypedDict):
    """A page of a board."""

    board: str
    by: NotRequired[Annotated[By, Field(description="Of the sales board, as in `parameters`.")]]
    ties: Ties
    window: WindowAnswer
    asOf: Second
    parameters: Annotated[dict[str, str], Field(description="The board's own parameters, with their defaults.")]
    slice: SliceAnswer
    compare: CompareAnswer
    history: HistoryAnswer
    total: Annotated[int, Field(ge=0, description="All entries of the board.")]
    links: BoardLinksAnswer
    nextCursor: Annotated[str | None, Field(description="For `cursor`, with the same parameters; null: no more.")]
    entries: Annotated[list[EntryAnswer], Field(description="The page asked for.")]


class BoardAnswer(BoardPageAnswer):
    """A page of a board, and what it covers."""

    completeness: CompletenessAnswer


class OneOfBoardsAnswer(BoardPageAnswer):
    """One of several boards. key: as it was asked for."""

    key: str


class BoardsAnswer(TypedDict):
    """Several boards of the same instant."""

    asOf: Second
    boards: list[OneOfBoardsAnswer]
    completeness: CompletenessAnswer


class TextsAnswer(TypedDict):
    """The same text in English and Korean."""

    en: str
    ko: str


class BoardParameterAnswer(TypedDict):
    """A parameter that only this board has. choices: empty where any text is tried."""

    name: str
    description: str
    default: str
    choices: list[str]


class BoardKindAnswer(TypedDict):
    """A board. how: how it is ranked. defaultWindow: null where it has no window parameter."""

    name: str
    summary: TextsAnswer
    how: TextsAnswer
    defaultWindow: str | None
    parameters: list[BoardParameterAnswer]


class BoardKindsAnswer(TypedDict):
    """All boards, in the order in which they are shown."""

    boards: list[BoardKindAnswer]


class SliceValueAnswer(TypedDict):
    """A value, and how many schedules have it."""

    value: str
    schedules: Annotated[int, Field(ge=1)]


class ShowsAnswer(TypedDict):
    """The first and last startsAt; null without any."""

    first: Second | None
    last: Second | None


class SliceValuesAnswer(TypedDict):
    """What slices can ask for, most frequent first."""

    genre: list[SliceValueAnswer]
    region: list[SliceValueAnswer]
    venue: list[SliceValueAnswer]
    capacityClass: list[SliceValueAnswer]
    shows: ShowsAnswer


class SlicesAnswer(SliceValuesAnswer):
    """What slices can ask for: at most 1,000 values of each, the most frequent ones."""

    completeness: CompletenessAnswer


class MilestoneAnswer(TypedDict):
    """The first second at whose end the share was sold."""

    threshold: Annotated[float, Field(gt=0, le=1)]
    reachedAt: Second | None


SalesRanksAnswer = TypedDict("SalesRanksAnswer", {"1h": Rank | None, "24h": Rank | None, "all": Rank | None})


class RanksAnswer(TypedDict):
    """Standard ranks by quantity; null where the schedule is not on that board."""

    sales: SalesRanksAnswer
    sellOut: Rank | None


class ForecastAnswer(TypedDict):
    """When it is expected to sell out, as of what sold before asOf."""

    soldOutAt: Annotated[Second, Field(description="As likely earlier as later.")]
    earliest: Annotated[Second, Field(description="Start of the range.")]
    latest: Annotated[Second, Field(description="End of the range; behind startsAt it may not sell out at all.")]
    confidence: Annotated[float, Field(gt=0, lt=1, description="Share of sell-outs that the range is to hold.")]
    model: Annotated[str, Field(description="Name of the model; see docs/api.md.")]


class SchedulePartsAnswer(TypedDict):
    """One schedule, everything before asOf."""

    concertScheduleId: str
    asOf: Second
    title: str | None
    venue: str | None
    region: str | None
    genre: str | None
    saleOpensAt: Second | None
    startsAt: Second | None
    sold: Annotated[int, Field(description="completed - cancelled")]
    completed: int
    cancelled: int
    amount: Annotated[int, Field(description="Net amount, smallest unit; may exceed 64 bits.")]
    capacity: int | None
    soldRatio: SoldRatio
    status: Status
    soldOutAt: Second | None
    sellOutSeconds: SellOutSeconds
    firstSaleAt: Second | None
    lastSaleAt: Second | None
    milestones: Annotated[list[MilestoneAnswer], Field(description="All seven; empty without a capacity.")]
    ranks: RanksAnswer
    forecast: Annotated[ForecastAnswer | None, Field(description="null: too little to say, or sold out.")]


class ScheduleAnswer(SchedulePartsAnswer):
    """One schedule, everything before asOf, and what the answer covers."""

    completeness: CompletenessAnswer


class PointAnswer(TypedDict):
    """One step of a sales curve."""

    start: Second
    quantity: Annotated[int, Field(description="Net quantity of the step.")]
    amount: Annotated[int, Field(description="Net amount of the step.")]
    cancelled: Annotated[int, Field(description="Quantity cancelled in the step.")]
    sold: Annotated[int, Field(description="Net quantity of everything before the step's end.")]


_Range = TypedDict("_Range", {"concertScheduleId": str, "from": Second, "to": Second})  # `from` is a keyword


class CurvePartsAnswer(_Range):
    """The sales curve of one schedule: a point for every step from `from`, the last may be short."""

    stepSeconds: Annotated[int, Field(ge=1)]  # noqa: N815
    points: Annotated[list[PointAnswer], Field(max_length=10_000)]


class CurveAnswer(CurvePartsAnswer):
    """The sales curve of one schedule, and what the answer covers."""

    completeness: CompletenessAnswer


class LiveAnswer(TypedDict):
    """The process answers."""

    status: Literal["live"]


class ReadyAnswer(TypedDict):
    """The boards are loaded; `stale` while a partition is moving and its last good state is shown."""

    status: Literal["ready", "stale"]
    complete: bool
    partitions: list[PartitionAnswer]


class ProblemAnswer(TypedDict):
    """RFC 9457."""

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str


class ParameterProblemAnswer(ProblemAnswer):
    """RFC 9457, naming the parameter that cannot be used."""

    parameter: str


class LoadingProblemAnswer(ProblemAnswer):
    """RFC 9457; from the readiness probe also how far the load has come."""

    partitions: NotRequired[list[PartitionAnswer]]
