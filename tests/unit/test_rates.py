"""Events a second over the last minute, from a counter that is seen now and then."""

from ranking_app.read_model.rates import RATE_OVER_MS, Rate


def rate(*seen: tuple[int, int]) -> Rate:
    """Fed with (second, counter)."""
    made = Rate()
    for at_s, counted in seen:
        made.saw(counted, at_s * 1000)
    return made


def test_before_anything_was_seen_it_is_0() -> None:
    assert Rate().per_second(0) == 0.0


def test_the_first_counter_seen_is_what_the_rest_is_counted_from() -> None:
    assert rate((100, 5_000)).per_second(100_000) == 0.0
    assert rate((100, 5_000), (110, 5_100)).per_second(110_000) == 10.0


def test_it_is_over_the_last_minute_once_a_minute_is_known() -> None:
    made = rate((0, 0), (60, 600), (120, 720))
    assert made.per_second(120_000) == 2.0
    assert made.per_second(150_000) == 2.0, "of the last 60 s 120 events are known to be after second 60"
    assert made.per_second(180_000) == 0.0


def test_less_than_a_second_is_taken_for_one() -> None:
    made = Rate()
    made.saw(0, 0)
    made.saw(50, 10)
    assert made.per_second(10) == 50.0


def test_the_clock_of_a_new_owner_may_be_behind() -> None:
    assert rate((100, 0), (90, 30), (110, 60)).per_second(110_000) == 6.0


def test_its_memory_is_bounded_however_often_it_is_fed() -> None:
    made = Rate()
    for at_ms in range(0, 5 * RATE_OVER_MS, 10):
        made.saw(at_ms // 10, at_ms)
    assert len(made._samples) <= RATE_OVER_MS // 1000 + 2
    assert abs(made.per_second(5 * RATE_OVER_MS) - 100.0) < 2.0
