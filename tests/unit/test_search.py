"""Finding schedules by words, as people type them."""

import pytest

from ranking_app.rankings.curve import Curve
from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.search import Search, fold
from schemas.catalogue import Listing
from tests.unit.test_curve import T, curve_of


def shop(*shows: tuple[str, str | None, str | None, int]) -> dict[str, Schedule]:
    """(id, title, venue, tickets sold in the second T + 10)"""
    return {
        schedule_id: Schedule(
            schedule_id, curve_of((10, sold, 0, 0)), Listing(schedule_id, 100, title=title, venue=venue)
        )
        for schedule_id, title, venue, sold in shows
    }


def ids(schedules: dict[str, Schedule], query: str, limit: int = 10, as_of_s: int = T + 60) -> list[str]:
    return [schedule.id for schedule in Search().find(schedules, query, as_of_s, limit).schedules]


SHOWS = shop(
    ("dj", "World DJ Festival", "Seoul Land", 5),
    ("jazz", "달빛 재즈 페스티벌", "한강 공원", 7),
    ("world", "The End of the World", "Hall of Seoul", 9),
    ("untitled", None, None, 99),
)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("festival", ["dj"]),
        ("FEST", ["dj"]),
        ("estiva", ["dj"]),
        ("seoul", ["world", "dj"]),
        ("seoul festival", ["dj"]),
        ("festival   world", ["dj"]),
        ("land festival nowhere", []),
        ("festivalseoul", []),
        ("재즈", ["jazz"]),
        ("공원 달빛", ["jazz"]),
        ("", []),
        (" \t", []),
    ],
)
def test_every_word_must_be_somewhere_in_the_title_or_the_venue(query, found):
    assert ids(SHOWS, query) == found


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("ＯＲＢＩＴ９", "orbit9"),
        ("Café Noir", "cafe\u0301"),
        ("Cafe\u0301 Noir", "CAFÉ"),
        ("Große Freiheit", "GROSSE"),
        ("STRASSE", "straße"),
        ("ﬁre", "fire"),
        ("공연", "\u1100\u1169\u11bc\u110b\u1167\u11ab"),
        ("ΟΔΟΣ", "οδος"),
        ("A\u00a0B  C", "a b c"),
    ],
)
def test_what_people_take_for_the_same_is_the_same(title, query):
    assert ids(shop(("it", title, None, 1)), query) == ["it"]


@pytest.mark.parametrize("text", ["ẞ ﬀ Å", "ͅΐ", "İstanbul", "½ ㎏ Ⅷ", "ﷺ", "\u0345\u0391\u0301"])
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


def test_titles_that_begin_with_the_query_are_first_then_what_sold_most_then_ids():
    schedules = shop(
        ("best", "Live: Rock", None, 90),
        ("b", "Rock Night", None, 3),
        ("a", "Rock Night", None, 3),
        ("more", "ROCK  night two", None, 8),
        ("words", "Night of Rock", "Rock Hall", 50),
    )
    assert ids(schedules, "rock night") == ["more", "a", "b", "words"]
    assert ids(schedules, "rock") == ["more", "a", "b", "best", "words"]


def test_only_a_title_can_begin_with_the_query():
    assert ids(shop(("venue", "A Night", "Rock Hall", 9), ("title", "Rock", None, 1)), "rock") == ["title", "venue"]


def test_the_limit_cuts_the_list_and_the_total_counts_all():
    schedules = shop(*((f"s{number}", "Rock" if number < 3 else "A Rock", None, number) for number in range(9)))
    for limit, expected in ((2, ["s2", "s1"]), (3, ["s2", "s1", "s0"]), (4, ["s2", "s1", "s0", "s8"])):
        found = Search().find(schedules, "rock", T + 60, limit)
        assert (found.total, [schedule.id for schedule in found.schedules]) == (9, expected)


def test_what_is_sold_from_as_of_on_does_not_count():
    schedules = shop(("early", "Rock", None, 1), ("late", "Rock", None, 0))
    schedules["late"].curve.put("other", (T + 120) // 60, [(T + 120, 9, 0, 0)])
    assert ids(schedules, "rock", as_of_s=T + 120) == ["early", "late"]
    assert ids(schedules, "rock", as_of_s=T + 121) == ["late", "early"]


def test_one_without_a_listing_is_not_found():
    assert ids({"rock": Schedule("rock", Curve(), None)}, "rock") == []


def test_a_new_listing_is_found_by_its_new_title_alone():
    search, schedules = Search(), shop(("show", "Old", None, 1))
    assert search.find(schedules, "old", T, 1).total == 1
    schedules["show"].listing = Listing("show", 100, title="New")
    assert (search.find(schedules, "old", T, 1).total, search.find(schedules, "new", T, 1).total) == (0, 1)
    schedules["show"].listing = None
    assert search.find(schedules, "new", T, 1).total == 0


def test_schedules_that_come_and_go_leave_nothing_behind():
    search = Search()
    for number in range(50):
        schedules = shop((f"show {number}", f"Title {number}", None, 1), ("stays", "Title", None, 2))
        assert search.find(schedules, "title", T + 60, 9).total == 2
        assert len(search._texts) <= 4
