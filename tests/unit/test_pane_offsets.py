"""Which source offsets are in which pane: found by schedule, guarded, saved."""

from ranking_app.read_model.pane_offsets import PANE_BYTES, PaneOffsets, PaneRange, pane_number

EVER = 0, 2**32


def put(panes: PaneOffsets, minute: int, applied: int, first: int | None = 0, **where: int) -> bool:
    number = pane_number(where.get("role", 0), where.get("partition", 0), minute)
    return panes.put("A", number, applied, first)


def test_a_pane_is_found_by_its_schedule_in_the_order_of_minute_role_and_partition() -> None:
    panes = PaneOffsets()
    put(panes, 7, 10, 4)
    put(panes, 5, 3, None, role=1, partition=2)
    put(panes, 5, 8, 8, partition=2)
    assert panes.of("A", *EVER) == [
        PaneRange(0, 2, 5, 8, 8),
        PaneRange(1, 2, 5, None, 3),
        PaneRange(0, 0, 7, 4, 10),
    ]
    assert panes.of("B", *EVER) == []


def test_the_end_of_a_range_of_minutes_is_not_in_it() -> None:
    panes = PaneOffsets()
    for minute in (5, 6, 7):
        put(panes, minute, 1, partition=65_535, role=1)
    assert [pane.minute for pane in panes.of("A", 5, 7)] == [5, 6]
    assert (panes.count_of("A", 5, 7), panes.count_of("A", 0, 5), panes.count_of("B", 0, 9)) == (2, 0, 0)


def test_a_pane_never_goes_back() -> None:
    panes = PaneOffsets()
    assert put(panes, 5, 10, 2)
    assert put(panes, 5, 10, 2), "the same again is no step back"
    assert not put(panes, 5, 9, 2)
    assert put(panes, 5, 11, 2)
    assert panes.of("A", *EVER) == [PaneRange(0, 0, 5, 2, 11)]
    assert len(panes) == 1


def test_what_is_removed_is_gone_and_may_come_again_lower() -> None:
    panes = PaneOffsets()
    put(panes, 5, 10)
    put(panes, 6, 10)
    assert panes.remove("A", pane_number(0, 0, 5))
    assert not panes.remove("A", pane_number(0, 0, 5))
    assert not panes.remove("B", pane_number(0, 0, 5))
    assert put(panes, 5, 3)
    assert [(pane.minute, pane.applied) for pane in panes.of("A", *EVER)] == [(5, 3), (6, 10)]
    assert panes.remove("A", pane_number(0, 0, 6))
    assert panes.remove("A", pane_number(0, 0, 5))
    assert (len(panes), panes.saved()) == (0, []), "of a schedule without panes nothing is kept"


def test_what_was_saved_is_of_that_moment_and_reads_back() -> None:
    panes = PaneOffsets()
    put(panes, 5, 2**63 - 1, 0)
    put(panes, 6, 7, None)
    saved = panes.saved()
    put(panes, 6, 9)
    again = PaneOffsets()
    again.restore(saved)
    assert again.of("A", *EVER) == [PaneRange(0, 0, 5, 0, 2**63 - 1), PaneRange(0, 0, 6, None, 7)]
    assert len(again) == 2
    assert [len(body) for _, body in saved] == [2 * PANE_BYTES]
