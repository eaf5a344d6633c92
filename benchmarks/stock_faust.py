"""The same events through stock faust-streaming with windowed tables: what we are compared with.

python -m benchmarks.stock_faust BROKER TOPIC PARTITIONS tumbling|hopping COUNT DATA_DIR

Prints one line of JSON, `{"events_per_second": …}`, measured from the first event to the last of COUNT.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from typing import Any

import faust


def main() -> None:
    """Run until COUNT events are counted, then leave at once."""
    broker, topic, partitions, kind, count, data_dir = sys.argv[1:]
    app = faust.App(
        f"stock-{kind}-{uuid.uuid4().hex[:8]}",
        broker=f"kafka://{broker}",
        store="rocksdb://",
        datadir=data_dir,
        topic_partitions=int(partitions),
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    source = app.topic(topic, value_type=bytes, value_serializer="json", key_type=bytes, partitions=int(partitions))
    table = app.Table("counts", default=int, partitions=int(partitions))
    windowed = table.tumbling(60.0) if kind == "tumbling" else table.hopping(3600.0, 300.0)
    seen, started_s = 0, 0.0

    async def counting(stream: Any) -> None:
        nonlocal seen, started_s
        async for event in stream:
            if not seen:
                started_s = time.monotonic()
            windowed[event["payload"]["concertScheduleId"]] += event["payload"]["quantity"]
            seen += 1
            if seen == int(count):
                rate = (seen - 1) / (time.monotonic() - started_s)
                print(json.dumps({"events_per_second": round(rate)}), flush=True)
                os._exit(0)  # its own shutdown takes longer than the measurement

    app.agent(source)(counting)

    async def run() -> None:
        app.finalize()
        app.in_worker = True
        await app.start()
        await asyncio.sleep(600)

    asyncio.run(run())


if __name__ == "__main__":
    main()
