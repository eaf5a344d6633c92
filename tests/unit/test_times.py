"""Times in and out. Expected values are written by hand, or come from the seconds that a calendar gives."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from schemas import times
from schemas.times import FIRST_S, LAST_S, format_ms, format_s, parse_as_of_s, parse_event_time_ms

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")
ELEVEN_MS = 1_781_434_800_000  # 2026-06-14T11:00:00Z
NINE_HOURS_MS = 9 * 3_600_000


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("2026-06-14T11:00:03.412Z", ELEVEN_MS + 3_412),
        ("2026-06-14T11:00:03Z", ELEVEN_MS + 3_000),
        ("2026-06-14T11:00:03.4Z", ELEVEN_MS + 3_400),
        ("2026-06-14T11:00:03,41Z", ELEVEN_MS + 3_410),
        ("2026-06-14T11:00Z", ELEVEN_MS),
        ("2026-06-14T11Z", ELEVEN_MS),
        ("20260614T110003Z", ELEVEN_MS + 3_000),
        ("20260614T110003.412Z", ELEVEN_MS + 3_412),
        ("20260614T1100Z", ELEVEN_MS),
        ("2026-W24-7T11:00:00Z", ELEVEN_MS),
        ("2026-06-14T20:00:03.412+09:00", ELEVEN_MS + 3_412),
        ("2026-06-14T20:00:03+0900", ELEVEN_MS + 3_000),
        ("2026-06-14T20:00:03+09", ELEVEN_MS + 3_000),
        ("2026-06-14T05:30:03.5-05:30", ELEVEN_MS + 3_500),
        ("2026-06-14T11:00:03-00:00", ELEVEN_MS + 3_000),
        ("2026-06-15T10:59:00+23:59", ELEVEN_MS),
    ],
)
def test_a_text_with_an_offset_means_the_same_in_every_time_zone(text, at_ms):
    assert [parse_event_time_ms(text, tz) for tz in (UTC, SEOUL)] == [at_ms, at_ms]
    assert parse_event_time_ms(text, UTC) == at_ms  # also out of the cache


@pytest.mark.parametrize(
    ("text", "utc_ms"),
    [
        ("2026-06-14T11:00:03.412", ELEVEN_MS + 3_412),
        ("2026-06-14T11:00:03", ELEVEN_MS + 3_000),
        ("2026-06-14T11:00", ELEVEN_MS),
        ("2026-06-14", ELEVEN_MS - 11 * 3_600_000),
        ("20260614", ELEVEN_MS - 11 * 3_600_000),
        ("20260614T110003", ELEVEN_MS + 3_000),
    ],
)
def test_a_text_without_an_offset_is_in_the_time_zone_that_is_set(text, utc_ms):
    assert parse_event_time_ms(text, UTC) == utc_ms
    assert parse_event_time_ms(text, SEOUL) == utc_ms - NINE_HOURS_MS


def test_summer_time_is_that_of_the_day():
    assert format_ms(parse_event_time_ms("2026-01-14T11:00:00", BERLIN)) == "2026-01-14T10:00:00.000Z"
    assert format_ms(parse_event_time_ms("2026-06-14T11:00:00", BERLIN)) == "2026-06-14T09:00:00.000Z"


def test_an_hour_that_comes_twice_is_the_first_one():
    assert format_ms(parse_event_time_ms("2026-10-25T02:30:00", BERLIN)) == "2026-10-25T00:30:00.000Z"


@pytest.mark.parametrize("fraction", ["4129", "412999", "412999999", "4129" + "9" * 100])
def test_a_fraction_of_a_millisecond_is_cut_off(fraction):
    assert parse_event_time_ms(f"2026-06-14T11:00:03.{fraction}Z", UTC) == ELEVEN_MS + 3_412


def test_an_integer_is_epoch_milliseconds_already():
    assert parse_event_time_ms(ELEVEN_MS, SEOUL) == ELEVEN_MS


NO_TIMES = [
    "",
    " ",
    "now",
    "11:00",
    "2026",
    "2026-06",
    "202606",
    "2026-165",
    "2026-6-14",
    "26-06-14",
    "14.06.2026",
    "20261340",
    "2026-02-30",
    "2026-13-01",
    "2026-00-01",
    "0000-01-01",
    "1781434803412",
    "1781434803",
    "-20260614",
    "+002026-06-14",
    "2026-06-14T",
    "2026-06-14Z",
    "2026-06-14+09:00",
    "2026-06-14T24:00:00Z",
    "2026-06-14T11:60Z",
    "2026-06-14T11:00:60Z",
    "2026-06-14T1:00Z",
    "2026-06-14T11:00.5Z",
    "2026-06-14T11:00:03.Z",
    "2026-06-14T11:00:03.412 Z",
    "2026-06-14T11:00:03+24:00",
    "2026-06-14T11:00:03+9",
    "2026-06-14T11:00:03+09:60",
    "2026-06-14T11:00:03+09:00:00",
    "2026-06-14T11:00:03ZZ",
    "2026-06-14 11:00:03Z",
    "2026-06-14t11:00:03z",
    "2026-06-14T11:00:03 UTC",
    "２０２６0614",
    "٢٠٢٦٠٦١٤",
    " 20260614",
    "20260614\n",
    "2026-06-14T11:00:03.412Z\n",
    "2026-06-14T11:00:03.412Z\x00",
    "2026-W54-1",
    "2026-W24-8",
]


@pytest.mark.parametrize("text", NO_TIMES)
def test_anything_else_is_no_time(text):
    for parse in (parse_event_time_ms, parse_as_of_s):
        with pytest.raises(ValueError, match="expected a time in ISO 8601 or YYYYMMDD, got"):
            parse(text, UTC)


def test_a_long_text_is_shortened_in_the_message():
    with pytest.raises(ValueError, match="expected") as caught:
        parse_event_time_ms("x" * 10_000, UTC)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01T00:00:01.0Z", 1),
        ("1970-01-01T00:00:01.000000000Z", 1),
        ("1970-01-01T00:00:01.001Z", 2),
        ("1970-01-01T00:00:01.000000001Z", 2),
        ("1969-12-31T23:59:58.5Z", -1),
        ("19700102", 86_400),
        ("1970-01-02", 86_400),
        ("9999-12-31T23:59:59Z", LAST_S),
        ("0001-01-01T00:00:00Z", FIRST_S),
    ],
)
def test_a_fraction_of_a_given_as_of_is_rounded_up(text, seconds):
    assert parse_as_of_s(text, UTC) == seconds


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59.5Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_an_as_of_is_in_the_years_that_can_be_written(text):
    with pytest.raises(ValueError, match="years 1 to 9999"):
        parse_as_of_s(text, UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "0001-01-01", "9999-12-31T23:59:59.999"])
@pytest.mark.parametrize("tz", [UTC, SEOUL, ZoneInfo("America/Los_Angeles")])
def test_the_ends_of_the_calendar_are_times_in_every_zone(text, tz):
    assert abs(parse_event_time_ms(text, tz)) > 2**45


def test_answers_have_whole_seconds_and_watermarks_milliseconds():
    assert format_s(1_781_434_803) == "2026-06-14T11:00:03Z"
    assert format_ms(1_781_434_803_000) == "2026-06-14T11:00:03.000Z"
    assert format_ms(-1) == "1969-12-31T23:59:59.999Z"
    assert format_s(FIRST_S) == "0001-01-01T00:00:00Z"
    assert format_s(LAST_S) == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("at_s", [FIRST_S - 1, LAST_S + 1, 10**30])
def test_what_no_calendar_has_is_not_written(at_s):
    with pytest.raises(ValueError, match="years 1 to 9999"):
        format_s(at_s)


def test_the_caches_are_emptied_when_they_are_full(monkeypatch):
    monkeypatch.setattr(times, "CACHE_ENTRIES", 10)
    times.REST_MS.clear()
    times.MINUTE_MS.clear()
    for ms in range(25):
        minute = f"2026-06-14T11:{ms % 60:02}:"
        assert parse_event_time_ms(f"{minute}00.{ms:03}Z", UTC) == ELEVEN_MS + ms % 60 * 60_000 + ms
    assert len(times.REST_MS) <= 10 and len(times.MINUTE_MS) <= 10
