"""Probes: `/health/live` says that the process answers, `/health/ready` that it has loaded its boards."""

from aiohttp import web
from aiohttp.typedefs import Handler

from ranking_app.web.answers import partition_answers
from ranking_app.web.dump import json_response
from ranking_app.web.models import LiveAnswer, ReadyAnswer
from ranking_app.web.problems import StillLoading
from ranking_app.web.reads import ReadModel


async def live(request: web.Request) -> web.Response:
    """`GET /health/live`: 200 as long as the event loop turns. Restart the process when it stays away."""
    return json_response(LiveAnswer(status="live"))


def ready_handler(read_model: ReadModel) -> Handler:
    """`GET /health/ready`: 200 after the first complete load, 503 before it.

    It stays 200 while a partition is stale: the last good board is served then, and says so itself. Taking
    every process out of a load balancer during a rebalance would turn a late answer into none.
    """

    async def ready(request: web.Request) -> web.Response:
        completeness = read_model.completeness(read_model.live_as_of_s())
        partitions = partition_answers(completeness.partitions)
        if not read_model.loaded:
            raise StillLoading({"partitions": partitions})
        complete = completeness.complete
        answer = ReadyAnswer(status="ready" if complete else "stale", complete=complete, partitions=partitions)
        return json_response(answer)

    return ready
