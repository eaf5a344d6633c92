"""What a log line holds, and what it must not."""

import json
import logging

import pytest
import structlog

from ranking_app.logs import set_up_logs


def fail(secret: str) -> None:
    raise ValueError("it went wrong")


def test_a_traceback_in_the_log_shows_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json")
    try:
        fail("hunter" + "2")
    except ValueError:
        structlog.get_logger().exception("failed", partition=1)
    line = capsys.readouterr().err
    assert "hunter2" not in line
    fact = json.loads(line)
    assert (fact["event"], fact["partition"]) == ("failed", 1)
    assert fact["exception"][0]["exc_value"] == "it went wrong"


def test_a_library_that_logs_goes_the_same_way_and_only_when_it_is_serious(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("json")
    logging.getLogger("faust.app").info("chatter")
    logging.getLogger("faust.app").error("broken")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["broken"]
