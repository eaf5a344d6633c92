"""Errors: RFC 9457 problems that say what to put right, and tell an attacker nothing."""

import pytest

from ranking_app.web import params
from tests.support.web import FakeReadModel, ask, get_json, refused

BOARDS = ("/v1/rankings/sales", "/v1/rankings/sell-out", "/v1/schedules/A", "/v1/schedules/A/sales")


@pytest.fixture
def shop():
    return FakeReadModel().sell("A", "11:30:00")


async def test_a_400_has_the_members_of_rfc_9457_and_the_offending_parameter(shop):
    answer = await ask(shop, "/v1/rankings/sales?limit=0")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {
        "type": "/docs#invalid-parameter",
        "title": "Invalid parameter",
        "status": 400,
        "detail": "limit: expected a whole number from 1 to 1000, got '0'",
        "instance": "/v1/rankings/sales",
        "parameter": "limit",
    }


async def test_a_path_that_does_not_exist_is_a_404(shop):
    for path in (
        "/nothing",
        "/v1",
        "/v1/schedules",
        "/v1/schedules/",
        "/v1/schedules/A/seats",
        "/table/",
        "/static/no.js",
    ):
        status, problem = await refused(shop, path)
        assert (status, problem["type"], problem["instance"]) == (404, "about:blank", path)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", [*BOARDS, "/health/live", "/metrics", "/", "/static/style.css"])
async def test_only_get_and_head_are_allowed(shop, method, path):
    answer = await ask(shop, path, method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", [*BOARDS, "/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/"])
async def test_head_answers_like_get_without_a_body(shop, path):
    got, headed = await ask(shop, path), await ask(shop, path, method="HEAD")
    assert (headed.status, headed.body) == (200, b"")
    assert headed.headers["Content-Type"] == got.headers["Content-Type"]


async def test_head_of_a_problem_has_its_status(shop):
    assert (await ask(shop, "/v1/schedules/Nobody", method="HEAD")).status == 404


@pytest.mark.parametrize("path", BOARDS)
async def test_before_the_first_complete_load_it_is_a_503_with_retry_after(shop, path):
    shop.loaded = False
    answer = await ask(shop, path)
    assert answer.status == answer.json["status"] == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_what_should_not_happen_is_a_500_whose_reason_is_in_the_log_only(shop, monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(shop, "live_as_of_s", broken)
    answer = await ask(shop, "/v1/rankings/sales?window=5m")
    assert answer.status == answer.json["status"] == 500
    for secret in (b"secret", b"Traceback", b"ZeroDivision"):
        assert secret not in answer.body
    logged = "".join(capsys.readouterr())
    for wanted in ("web.failed", "secret detail", "/v1/rankings/sales"):
        assert wanted in logged


async def test_a_parameter_given_twice_is_a_400_since_either_could_be_meant(shop):
    status, problem = await refused(shop, "/v1/rankings/sales?limit=1&limit=2")
    assert (status, problem["parameter"]) == (400, "limit")
    assert (await get_json(shop, "/v1/rankings/sales?limit=&limit=2"))["total"] == 1


async def test_parameters_that_a_question_does_not_know_are_ignored(shop):
    known = await get_json(shop, "/v1/rankings/sales")
    assert await get_json(shop, "/v1/rankings/sales?utm_source=mail&step=x") == known


async def test_a_query_too_long_to_be_a_question_is_a_414(shop):
    filler = "x" * (params.MAX_QUERY_CHARS - len("window=5m&f="))
    await get_json(shop, f"/v1/rankings/sales?window=5m&f={filler}")
    assert (await refused(shop, f"/v1/rankings/sales?window=5m&f={filler}x"))[0] == 414


async def test_a_value_too_long_to_be_meant_is_a_400_that_does_not_repeat_it(shop):
    status, problem = await refused(shop, f"/v1/rankings/sales?by={'x' * 101}")
    assert (status, problem["parameter"]) == (400, "by")
    assert len(problem["detail"]) < 100


async def test_every_answer_carries_the_security_headers_and_names_no_versions(shop):
    for path in (
        "/v1/rankings/sales",
        "/v1/rankings/sales?limit=0",
        "/nothing",
        "/metrics",
        "/docs",
        "/",
        "/static/app.js",
    ):
        headers = (await ask(shop, path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "ranking-app"
        policy = headers["Content-Security-Policy"]
        for directive in ("default-src 'none'", "frame-ancestors 'none'"):
            assert directive in policy
        for weak in ("unsafe", "http:", "*"):
            assert weak not in policy


async def test_answers_about_sales_are_never_used_again_without_asking(shop):
    for path in BOARDS:
        assert (await ask(shop, path)).headers["Cache-Control"] == "no-cache"
    for path in ("/v1/schedules/Nobody", "/health/ready"):
        assert (await ask(shop, path)).headers["Cache-Control"] == "no-store"
