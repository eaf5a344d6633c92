"""Lengths of time as people write them."""

import pytest

from ranking_app.durations import parse_duration_ms, parse_window


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3_600),
        ("7d", 604_800),
        ("007d", 604_800),
        ("PT1S", 1),
        ("PT1H30M", 5_400),
        ("PT0.5H", 1_800),
        ("PT0,5M", 30),
        ("P1D", 86_400),
        ("P1DT12H", 129_600),
        ("P2W", 1_209_600),
        ("PT0H0M5S", 5),
    ],
)
def test_a_window_is_a_whole_number_with_a_unit_or_an_iso_8601_duration(text, seconds):
    assert parse_window(text) == seconds


def test_the_window_of_all_time_has_no_length():
    assert parse_window("all") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "h", "1.5h", "-1h", "+1h", " 1h", "1h ", "1H", "1 h", "1h30m", "1w", "1ms", "ALL", "١h", "1e3s"),
        *("9" * 30 + "s", "P", "PT", "P1DT", "PT1H30", "P1Y", "P1M", "P1Y2D", "-PT1H", "PT1M1H", "PT1.5H1M", "pt1h"),
        *("T1H", "P1H", "PT1D", "P 1D"),
    ],
)
def test_anything_else_is_no_window(text):
    with pytest.raises(ValueError, match="expected"):
        parse_window(text)


@pytest.mark.parametrize("text", ["0s", "0d", "PT0S", "P0D", "PT0.5S"])
def test_a_window_is_at_least_a_second_long(text):
    with pytest.raises(ValueError, match="at least 1 second"):
        parse_window(text)


@pytest.mark.parametrize("text", ["PT1.5S", "PT0.001H", "P1DT0.5S"])
def test_a_window_is_a_whole_number_of_seconds(text):
    with pytest.raises(ValueError, match="whole number of seconds"):
        parse_window(text)


def test_a_window_beyond_all_calendars_is_refused_before_anybody_computes_with_it():
    with pytest.raises(ValueError, match="at most"):
        parse_window("9999999999d")


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("90s", 90_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("300", 300_000),
        (" 5m ", 300_000),
        ("0", 0),
        ("0.25", 250),
        ("1.5h", 5_400_000),
        ("PT5M", 300_000),
        ("PT0.25S", 250),
        (300, 300_000),
        (0, 0),
        (0.1, 100),
        (1.001, 1_001),
    ],
)
def test_a_setting_is_a_number_of_seconds_or_has_a_unit(value, milliseconds):
    assert parse_duration_ms(value) == milliseconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "five",
        "-1",
        "-5m",
        "5 m",
        "5M",
        "1e3",
        "P1M",
        "٣",
        "0.0001",
        "9" * 18,
        True,
        False,
        None,
        [],
        b"5m",
        -1,
        -0.5,
        float("nan"),
        float("inf"),
        1e300,
        1e-09,
        10**30,
    ],
)
def test_anything_else_is_no_setting(value):
    with pytest.raises(ValueError, match="expected"):
        parse_duration_ms(value)
