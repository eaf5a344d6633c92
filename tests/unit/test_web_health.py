"""Probes: live while the process answers, ready once its answers are complete."""

from tests.support.web import FakeReadModel, ask, get_json, shown


async def test_live_is_200_even_before_anything_is_loaded():
    assert await get_json(FakeReadModel(loaded=False), "/health/live") == {"status": "live"}


async def test_ready_is_503_before_the_first_complete_load_and_says_how_far_it_is():
    answer = await ask(FakeReadModel(loaded=False), "/health/ready")
    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Retry-After" in answer.headers
    assert [p["topic"] for p in answer.json["partitions"]] == [
        "reservation.completed",
        "concert.schedule.created",
    ]


async def test_ready_is_200_after_it_with_the_state_of_every_partition():
    ready = await get_json(FakeReadModel(), "/health/ready")
    assert (ready["status"], ready["complete"]) == ("ready", True)
    assert ready["partitions"][0] == {
        "topic": "reservation.completed",
        "partition": 0,
        "offset": 1234,
        "lag": 0,
        "watermark": f"{shown('11:59:59')[:-1]}.412Z",
    }


async def test_a_stale_partition_is_said_but_keeps_the_process_ready_since_the_last_good_board_is_served():
    ready = await get_json(FakeReadModel().with_state(complete=False), "/health/ready")
    assert (ready["status"], ready["complete"]) == ("stale", False)
