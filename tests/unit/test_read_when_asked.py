"""Schedules of which something is unread: it is read when one is looked at, and for nothing else."""

from collections.abc import Iterable

from ranking_app.read_model.unread import ReadWhenAsked


class Shop:
    """Numbers in place of schedules; what is unread is added when it is read."""

    def __init__(self) -> None:
        self.known = {"A": 1, "B": 2}
        self.unread = {"B": 20, "C": 30, "D": 40}
        self.schedules: ReadWhenAsked[int] = ReadWhenAsked(self.known, self.unread, self.read)

    def read(self, ids: Iterable[str]) -> None:
        """Of these, which need not have anything."""
        for name in ids:
            if name in self.unread:
                self.known[name] = self.known.get(name, 0) + self.unread.pop(name)


def test_who_asks_for_the_ids_has_nothing_read() -> None:
    shop = Shop()
    assert list(shop.schedules) == ["A", "B", "C", "D"] and len(shop.schedules) == 4
    assert shop.schedules.keys() - {"A"} == {"B", "C", "D"}
    assert [name in shop.schedules for name in "ACE"] == [True, True, False]
    assert len(shop.unread) == 3


def test_one_is_read_when_it_is_looked_at() -> None:
    shop = Shop()
    assert (shop.schedules.get("C"), shop.schedules["B"], shop.schedules.get("E")) == (30, 22, None)
    assert shop.unread == {"D": 40}


def test_they_may_be_read_while_somebody_goes_through_them() -> None:
    shop = Shop()
    assert dict(shop.schedules.items()) == {"A": 1, "B": 22, "C": 30, "D": 40}
    assert sorted(Shop().schedules.values()) == [1, 22, 30, 40]
