"""Search: schedules by words in their title or venue, as people type them."""

from collections.abc import Mapping
from heapq import nsmallest
from typing import NamedTuple
from unicodedata import normalize

from ranking_app.rankings.schedule import Schedule
from ranking_app.rankings.windows import Window
from schemas.catalogue import Listing


class Found(NamedTuple):
    """total counts all schedules that match, schedules are the first of them in the order of Search.find."""

    total: int
    schedules: list[Schedule]


class _Text(NamedTuple):
    """What can be found of a listing, folded. whole is title and venue, apart: no word reaches over both."""

    listing: Listing | None
    title: str
    whole: str


class Search:
    """Finds schedules; remembers the folded texts of listings, as folding them takes most of the time."""

    def __init__(self) -> None:
        self._texts: dict[str, _Text] = {}

    def find(self, schedules: Mapping[str, Schedule], query: str, as_of_s: int, limit: int) -> Found:
        """The schedules whose title or venue has every word of the query somewhere, in whatever letter case or width.

        First those whose title begins with the query, then the others; among them by what was sold before as_of_s,
        most first, then by id in code point order. At most limit (1 or more) of them. A query without a word finds
        nothing, nor is anything found that has no listing. schedules: always those of the same read model.
        """
        folded = fold(query)
        words = list(dict.fromkeys(folded.split()))
        if not words:
            return Found(0, [])
        self._read(schedules)
        texts, found = self._texts, list(schedules.values())
        for word in words:
            found = [schedule for schedule in found if word in texts[schedule.id].whole]
        first = [schedule for schedule in found if texts[schedule.id].title.startswith(folded)]
        others = [schedule for schedule in found if not texts[schedule.id].title.startswith(folded)]
        best = _best_sellers(first, as_of_s, limit)
        return Found(len(found), best + _best_sellers(others, as_of_s, limit - len(best)))

    def _read(self, schedules: Mapping[str, Schedule]) -> None:
        """Have the texts of exactly these, or of some that are gone too, but never of many."""
        texts = self._texts
        for schedule in schedules.values():
            text = texts.get(schedule.id)
            if text is None or text.listing is not schedule.listing:
                texts[schedule.id] = _text(schedule.listing)
        if len(texts) > 2 * len(schedules):
            self._texts = {name: text for name, text in texts.items() if name in schedules}


def _text(listing: Listing | None) -> _Text:
    if listing is None:
        return _Text(None, "", "")
    title = fold(listing.title or "")
    return _Text(listing, title, f"{title}\n{fold(listing.venue or '')}")


def fold(text: str) -> str:
    """What two texts have in common that people take for the same: Unicode NFKC, case folded, single spaces.

    >>> fold("  Große   HALLE ² "), fold("GROSSE") in fold("Große Halle")
    ('grosse halle 2', True)
    """
    # Folding the case can take a text out of its normal form: therefore twice, as Unicode's NFKC_Casefold does.
    return " ".join(normalize("NFKC", normalize("NFKC", text).casefold()).split())


def _best_sellers(schedules: list[Schedule], as_of_s: int, limit: int) -> list[Schedule]:
    if limit <= 0:
        return []
    before = Window(None, as_of_s)
    return nsmallest(limit, schedules, key=lambda schedule: (-schedule.curve.quantity(before), schedule.id))
