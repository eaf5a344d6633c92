"""Where windows begin and end."""

from ranking_app.rankings.windows import Window, live_as_of_s, live_window, window_before


def test_a_sale_at_the_end_of_a_window_belongs_to_the_next():  # [10 ---- 20)[20 ---- 30)
    assert 20 not in Window(10, 20)
    assert 20 in Window(20, 30)


def test_a_sale_at_the_start_of_a_window_belongs_to_it():
    assert 10 in Window(10, 20)
    assert 9 not in Window(10, 20)


def test_a_window_without_a_start_holds_everything_before_its_end():
    assert 0 in Window(None, 20)
    assert 19 in Window(None, 20)
    assert 20 not in Window(None, 20)


def test_a_window_ends_at_its_as_of_and_has_the_length_asked_for():
    assert window_before(100, 60) == Window(40, 100)
    assert window_before(100, 60).length_s == 60
    assert window_before(100, None) == Window(None, 100)
    assert window_before(100, None).length_s is None


def test_a_window_may_be_one_second_long():
    assert [second for second in range(5, 10) if second in window_before(8, 1)] == [7]


def test_what_was_sold_just_now_is_in_a_live_window():
    assert 59 in live_window(59_999, 1)
    assert 60 in live_window(60_000, 1)
    assert live_as_of_s(60_000) == 61
