"""`/v1/ops`: which worker owns which partition, how fast it counts, how far behind it is."""

from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from ranking_app.web.answers import completeness_answer
from ranking_app.web.dump import json_response
from ranking_app.web.ops_answer import OpsAnswer, partition_ops_answer, worker_answers
from ranking_app.web.reads import ReadModel
from schemas.times import format_s


@dataclass(slots=True)
class AboutProcess:
    """What the process that answers says of itself. worker: its name, None until it is one, and in a serve instance."""

    started_at_ms: int = 0
    worker: str | None = None


def ops_handler(read_model: ReadModel, about: AboutProcess, version: str) -> Handler:
    """`GET /v1/ops`: also before the first load, which is when somebody looks; `completeness` says so."""

    async def ops(request: web.Request) -> web.Response:
        activities = read_model.activity()
        answer: OpsAnswer = {
            "self": {"worker": about.worker, "version": version, "startedAt": format_s(about.started_at_ms // 1000)},
            "workers": worker_answers(activities),
            "partitions": [partition_ops_answer(activity) for activity in activities],
            "completeness": completeness_answer(read_model.completeness(read_model.live_as_of_s())),
        }
        return json_response(answer)

    return ops
