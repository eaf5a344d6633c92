"""The Python client over a real worker on a real Kafka."""

import asyncio
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path

from ranking_app.client import RankingClient
from ranking_app.local.kafka import LocalKafka
from tests.support.in_process import producing, running, settings_of

WITHIN_S = 40


async def test_a_live_stream_shows_every_sale_also_across_a_restart_of_the_worker(
    kafka: LocalKafka, tmp_path: Path
) -> None:
    settings = settings_of(f"c{uuid.uuid4().hex[:8]}", kafka.url, tmp_path / "data")

    def sale(quantity: int) -> bytes:
        payload = {"concertScheduleId": "S", "quantity": quantity}
        event = {"eventId": str(uuid.uuid4()), "eventType": "reservation.completed", "payload": payload}
        return json.dumps({**event, "eventTime": datetime.now(UTC).isoformat()}).encode()

    async with producing(settings) as producer, RankingClient(f"http://127.0.0.1:{settings.web_port}") as ranking:

        async def until_sold(quantity: int) -> None:
            async with asyncio.timeout(WITHIN_S):
                async for live in stream:
                    if [entry["sold"] for entry in live.boards["sales"]["entries"]] == [quantity]:
                        return

        async with running(settings) as worker:
            await worker.until("/v1/rankings/sales", lambda a: a["completeness"]["complete"])
            stream = ranking.live("sales")
            await producer.send_and_wait(settings.completed_topic, sale(2), partition=0)
            await until_sold(2)
        await producer.send_and_wait(settings.completed_topic, sale(3), partition=1)
        async with running(settings):
            await until_sold(5)
            assert (await ranking.schedule("S"))["sold"] == 5
            assert sum(part["counted"] for part in (await ranking.ops())["partitions"]) == 2
            await stream.aclose()
