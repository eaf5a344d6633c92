"""How often the sell-out forecast holds, over real sales. See docs/benchmarks.md; the last line is JSON.

python -m benchmarks.forecast [--data FOLDER] [--share 0.9]

Products of the Online Retail file stand for schedules. They have no capacity, so each is given one: a share of
what it sold in all, of products with enough sales. All of these sell out, each at a known second. Forecasts are
made at instants spread evenly over the time from the first sale to there, from what was sold before them alone.
One half of the schedules calibrates the width of the range, the other half says whether it holds. Then the same
of simulated on-sales, which did not take part in the calibration.
"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from math import log
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import orjson

from ranking_app.demo.simulator import Mix, OnSale
from ranking_app.rankings.curve import Curve
from ranking_app.rankings.forecast import CONFIDENCE, HORIZON_S, MODEL, SPREAD, forecast, outlook_of
from ranking_app.rankings.panes import MINUTE_S
from ranking_app.rankings.windows import Window
from schemas.catalogue import Listing
from schemas.produce_line import TopicNames
from tests.support.retail import DATA_FILE, ROWS, file_rows, to_events
from tests.support.retail_lookalike import lookalike_rows

FILE_NAME = "online_retail.csv.gz"
INSTANTS = 12
SEED = 20_260_614
MIN_SOLD, MIN_SECONDS = 200, 30
"""Enough sales: net pieces, and seconds with any. What sells twice a year is no on-sale."""

MAX_QUANTITY = 10_000
"""The contract's: events above it are bad records."""

FOREVER = Window(None, 2**32 - 1)

SIMULATED_SECONDS, SIMULATED_RATE = 1_200, 80

Cells = dict[str, dict[int, list[int]]]
"""Schedule -> second -> [completed, cancelled]"""


class SoldOut(NamedTuple):
    """A schedule that sold out: sold_out_at_s is what the forecasts are about."""

    curve: Curve
    listing: Listing
    sold_out_at_s: int


class Asked(NamedTuple):
    """One forecast of one schedule, and the truth."""

    schedule: SoldOut
    as_of_s: int

    @property
    def remaining_s(self) -> int:
        """To the end of the second that sold out."""
        return self.schedule.sold_out_at_s + 1 - self.as_of_s


class Kept(NamedTuple):
    """How the forecasts did: shares of 1, and how long one took. coverage: inside of the 80 % range."""

    schedules: int
    asked: int
    forecasts: int
    coverage: float
    before_earliest: float
    after_latest: float
    median_relative_error: float
    microseconds_per_call: float


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA_FILE.parent, help=f"Folder of {FILE_NAME}.")
@click.option("--share", default=0.9, show_default=True, help="Capacity: this share of all that was sold.")
def main(data: Path, share: float) -> None:
    """Calibrate on one half, judge on the other, print both."""
    file = data / FILE_NAME
    source = "the real Online Retail file" if file.exists() else f"a GENERATED stream, as there is no {FILE_NAME}"
    schedules = with_capacities(retail_cells(file), share)
    halves = schedules[::2], schedules[1::2]
    spread = calibrated_spread(asked(halves[0]))
    judged, simulated = judge(halves[1]), judge(simulated_on_sales())
    print(f"{source}; capacity {share} of all sold; {len(schedules):,} schedules that sold out")
    print(f"spread for {CONFIDENCE:.0%} of the one half: {spread:.3f}; the model has {SPREAD}")
    for name, kept in (("other half", judged), ("simulated on-sales", simulated)):
        print(
            f"{name}: {kept.forecasts:,} forecasts of {kept.schedules:,} schedules, {kept.coverage:.1%} inside of the "
            f"range ({kept.before_earliest:.1%} before, {kept.after_latest:.1%} after), median relative error "
            f"{kept.median_relative_error:.2f}, {kept.microseconds_per_call:.0f} us each"
        )
    figures = {"model": MODEL, "real": file.exists(), "spread": SPREAD, "calibrated_spread": round(spread, 3)}
    print(json.dumps({**figures, **judged._asdict(), "simulated": simulated._asdict()}))


def retail_cells(file: Path) -> Cells:
    """Sales of every product by second, of the file or of the generated stream; no events that would be bad."""
    rows = file_rows(file) if file.exists() else lookalike_rows(ROWS)
    good = (event for event in to_events(rows) if event.quantity <= MAX_QUANTITY)
    return cells_of((event.value, event.cancelled) for event in good)


def cells_of(events: Iterable[tuple[bytes, bool]]) -> Cells:
    """Envelopes, each with whether it cancels, added up by schedule and second."""
    cells: Cells = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    seconds: dict[str, int] = {}
    for value, cancelled in events:
        event = orjson.loads(value)
        text, payload = event["eventTime"], event["payload"]
        at_s = seconds.get(text)
        if at_s is None:
            at_s = seconds[text] = int(datetime.fromisoformat(text).timestamp())
        cells[payload["concertScheduleId"]][at_s][cancelled] += payload["quantity"]
    return cells


def curve_of(seconds: dict[int, list[int]]) -> Curve:
    """One curve, without amounts."""
    minutes: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
    for at_s, (completed, cancelled) in sorted(seconds.items()):
        minutes[at_s // MINUTE_S].append((at_s, completed, cancelled, 0))
    curve = Curve()
    for minute, cells in minutes.items():
        curve.put("source", minute, cells)
    return curve


def with_capacities(cells: Cells, share: float) -> list[SoldOut]:
    """Every schedule with enough sales, with a capacity that it sold out at; in the order of ids."""
    found: list[SoldOut] = []
    for schedule_id, seconds in sorted(cells.items()):
        curve = curve_of(seconds)
        sold = curve.quantity(FOREVER)
        if sold >= MIN_SOLD and len(seconds) >= MIN_SECONDS:
            found += sold_out(curve, Listing(schedule_id, int(sold * share)))
    return found


def sold_out(curve: Curve, listing: Listing) -> Iterator[SoldOut]:
    """The schedule, if it did sell out."""
    at_s = curve.first_second_sold(listing.capacity, FOREVER.end_s)
    if at_s is not None:
        yield SoldOut(curve, listing, at_s)


def simulated_on_sales() -> list[SoldOut]:
    """The shows of the demo that sold out: a rush, then a long thin queue, in minutes rather than months."""
    now_ms = 1_781_434_800_000
    mix, topics = Mix(duplicate=0, malformed=0), TopicNames()
    simulation = OnSale(seed=SEED, now_ms=now_ms, rate=SIMULATED_RATE, topics=topics, mix=mix)
    records = simulation.history()
    for second in range(SIMULATED_SECONDS):
        records += simulation.advance(now_ms + (second + 1) * 1000)
    capacities: dict[str, int] = {}
    sales = []
    for record in records:
        if record.topic == topics.catalogue:
            payload = orjson.loads(record.value)["payload"]
            capacities[payload["concertScheduleId"]] = payload["capacity"]
        else:
            sales.append((record.value, record.topic == topics.cancelled))
    cells = cells_of(sales)
    listings = [Listing(schedule_id, capacities[schedule_id]) for schedule_id in sorted(cells)]
    return [found for each in listings for found in sold_out(curve_of(cells[each.concert_schedule_id]), each)]


def asked(schedules: Iterable[SoldOut]) -> Iterator[Asked]:
    """Every schedule at INSTANTS instants, one somewhere in each equal part of the time until it sold out."""
    rng = random.Random(SEED)
    for schedule in schedules:
        first_s = schedule.curve.first_sale_s(schedule.sold_out_at_s + 1)
        if first_s is None:
            continue
        length_s = schedule.sold_out_at_s - first_s
        for part in range(INSTANTS):
            yield Asked(schedule, first_s + 1 + int(length_s * (part + rng.random()) / INSTANTS))


def calibrated_spread(questions: Iterable[Asked]) -> float:
    """The SPREAD with which CONFIDENCE of the sell-outs would have been inside of their ranges."""
    needed = []
    for question in questions:
        schedule = question.schedule
        outlook = outlook_of(schedule.curve, schedule.listing.capacity, question.as_of_s)
        if outlook is not None and outlook.remaining_s <= HORIZON_S:
            needed.append(abs(log(question.remaining_s / outlook.remaining_s)) / outlook.uncertainty)
    return sorted(needed)[int(CONFIDENCE * len(needed))]


def judge(schedules: Sequence[SoldOut]) -> Kept:
    """What the app would have answered, compared with what happened."""
    questions = list(asked(schedules))
    for schedule in schedules:
        schedule.curve.sold_before(0)  # a curve settles at the first question after a change: not the model's time
    started_s = time.perf_counter()
    answers = [forecast(q.schedule.curve, q.schedule.listing, q.as_of_s) for q in questions]
    took_s = time.perf_counter() - started_s
    made = [(q, answer) for q, answer in zip(questions, answers, strict=True) if answer is not None]
    early = sum(q.schedule.sold_out_at_s < answer.earliest_s for q, answer in made) / len(made)
    late = sum(q.schedule.sold_out_at_s > answer.latest_s for q, answer in made) / len(made)
    errors = [abs(answer.expected_s - q.schedule.sold_out_at_s) / q.remaining_s for q, answer in made]
    return Kept(
        schedules=len(schedules),
        asked=len(questions),
        forecasts=len(made),
        coverage=round(1 - early - late, 4),
        before_earliest=round(early, 4),
        after_latest=round(late, 4),
        median_relative_error=round(median(errors), 4),
        microseconds_per_call=round(took_s / len(questions) * 1e6, 1),
    )


if __name__ == "__main__":
    main()
