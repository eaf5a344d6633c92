"""One example of every answer, for `/openapi.json` and `/docs`: together they are one moment of one show."""

from ranking_app.web.models import (
    CompletenessAnswer,
    CurveAnswer,
    EntryAnswer,
    LiveAnswer,
    LoadingProblemAnswer,
    ParameterProblemAnswer,
    PartitionAnswer,
    ProblemAnswer,
    ReadyAnswer,
    SalesBoardAnswer,
    ScheduleAnswer,
    SellOutBoardAnswer,
)

ID = "WorldDJFestival20250614"
TITLE = "World DJ Festival"
OPENS_AT = "2026-06-14T11:00:00Z"
HALF_AT = "2026-06-14T11:02:10Z"
SOLD_OUT_AT = "2026-06-14T11:07:41Z"
AS_OF = "2026-06-14T11:30:00Z"

_TOPICS = {"reservation.completed": (0, 1, 2), "reservation.cancelled": (0, 1, 2)}

PARTITIONS: list[PartitionAnswer] = [
    PartitionAnswer(topic=topic, partition=partition, offset=1234, lag=0, watermark="2026-06-14T11:29:59.412Z")
    for topic, numbers in _TOPICS.items()
    for partition in numbers
]
PARTITIONS.append(PartitionAnswer(topic="concert.schedule.created", partition=0, offset=57, lag=0, watermark=None))

COMPLETENESS = CompletenessAnswer(
    complete=True, final=False, late=0, duplicates=2, deadLetters=1, partitions=PARTITIONS
)

_ENTRY = EntryAnswer(
    rank=1,
    concertScheduleId=ID,
    title=TITLE,
    score=97,
    sold=100,
    cancelled=3,
    quantity=97,
    amount=14_550_000,
    capacity=100,
    soldRatio=1.0,
    status="soldOut",
    soldOutAt=SOLD_OUT_AT,
    sellOutSeconds=461,
)
_SELL_OUT_ENTRY: EntryAnswer = {**_ENTRY, "score": 461, "quantity": 100, "amount": 15_000_000}

SALES_BOARD = SalesBoardAnswer(
    board="sales",
    by="quantity",
    ties="standard",
    window={"start": "2026-06-14T10:30:00Z", "end": AS_OF, "seconds": 3_600},
    asOf=AS_OF,
    completeness=COMPLETENESS,
    total=57,
    entries=[_ENTRY],
)

SELL_OUT_BOARD = SellOutBoardAnswer(
    board="sell-out",
    ties="standard",
    window={"start": None, "end": AS_OF, "seconds": None},
    asOf=AS_OF,
    completeness=COMPLETENESS,
    total=4,
    entries=[_SELL_OUT_ENTRY],
)

SCHEDULE = ScheduleAnswer(
    concertScheduleId=ID,
    asOf=AS_OF,
    title=TITLE,
    venue="Seoul Land",
    region="Seoul",
    genre="dj",
    saleOpensAt=OPENS_AT,
    startsAt="2026-07-04T09:00:00Z",
    sold=100,
    completed=103,
    cancelled=3,
    amount=15_000_000,
    capacity=100,
    soldRatio=1.0,
    status="soldOut",
    soldOutAt=SOLD_OUT_AT,
    sellOutSeconds=461,
    firstSaleAt=OPENS_AT,
    lastSaleAt="2026-06-14T11:21:03Z",
    milestones=[
        {"threshold": 0.1, "reachedAt": "2026-06-14T11:00:04Z"},
        {"threshold": 0.25, "reachedAt": "2026-06-14T11:00:31Z"},
        {"threshold": 0.5, "reachedAt": HALF_AT},
        {"threshold": 0.8, "reachedAt": "2026-06-14T11:05:02Z"},
        {"threshold": 0.9, "reachedAt": "2026-06-14T11:06:30Z"},
        {"threshold": 0.95, "reachedAt": "2026-06-14T11:07:12Z"},
        {"threshold": 1.0, "reachedAt": SOLD_OUT_AT},
    ],
    ranks={"sales": {"1h": 3, "24h": 1, "all": 2}, "sellOut": 1},
    completeness=COMPLETENESS,
)

CURVE: CurveAnswer = {
    "concertScheduleId": ID,
    "from": OPENS_AT,
    "to": "2026-06-14T11:02:00Z",
    "stepSeconds": 60,
    "points": [
        {"start": OPENS_AT, "quantity": 31, "amount": 4_650_000, "cancelled": 0, "sold": 31},
        {"start": "2026-06-14T11:01:00Z", "quantity": 17, "amount": 2_550_000, "cancelled": 1, "sold": 48},
    ],
    "completeness": COMPLETENESS,
}

LIVE = LiveAnswer(status="live")
READY = ReadyAnswer(status="ready", complete=True, partitions=PARTITIONS)

INVALID_PARAMETER = ParameterProblemAnswer(
    type="/docs#invalid-parameter",
    title="Invalid parameter",
    status=400,
    detail="limit: expected a whole number from 1 to 1000, got '0'",
    instance="/v1/rankings/sales",
    parameter="limit",
)
UNKNOWN_SCHEDULE = ProblemAnswer(
    type="/docs#unknown-schedule",
    title="Unknown schedule",
    status=404,
    detail="No event and no catalogue record has the id 'NoSuchShow'.",
    instance="/v1/schedules/NoSuchShow",
)
QUERY_TOO_LONG = ProblemAnswer(
    type="/docs#query-too-long",
    title="Query too long",
    status=414,
    detail="The query has 2,345 characters; at most 2,000 are read.",
    instance="/v1/rankings/sales",
)
STILL_LOADING = LoadingProblemAnswer(
    type="/docs#still-loading",
    title="Still loading",
    status=503,
    detail="The boards are not complete yet: this process is still loading them. Ask again soon.",
    instance="/v1/rankings/sales",
    partitions=[PartitionAnswer(topic="reservation.completed", partition=0, offset=500, lag=734, watermark=None)],
)
