"""A steady load: `python -m benchmarks.peers.load BOOTSTRAP TOPIC PARTITIONS RATE SECONDS SCHEDULES FILE`.

All of it is made before it begins, down to the bytes that the broker is sent, in slices of some milliseconds. From then
on this process only waits and writes: on two processors, a load that is made while it is sent would be much of what is
measured. FILE is there when the load begins, and says once a second what was acknowledged.
"""

import gc
import json
import random
import socket
import struct
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from select import select
from typing import NamedTuple

from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.record.default_records import DefaultRecordBatchBuilder as BatchBuilder

from benchmarks.events import envelope, popularity
from benchmarks.peers.running import LOG_TAIL_CHARS, ROOT, ProgramFailed, ended
from ranking_app.local.child import start_child

SLICE_MS = 4
"""As smooth as many small producers make it, and still few requests."""

SCHEDULES = 500

CHOICES = 1_000_000
"""Schedules are drawn so often, then again in the same order: drawing is a fifth of what making an event takes."""

SPARE = 2.0
"""So much longer than it should take is a run given to be made; one that is not there when it is due cannot begin."""

ACKS_ALL = -1

NO_LIMIT_BYTES = 2**30
"""A slice is small: its batches need no limit."""

GIVE_UP_S = 10.0
"""A broker that takes nothing, or acknowledges nothing, for so long."""

LOOK_EVERY_S = 0.05

SentRate = Callable[[], float]
"""Events a second that a load has managed, until now. ProgramFailed once it has ended."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent. rate: events a second, over all partitions alike. schedules: how many sell, Zipf with 0.8."""

    topic: str
    partitions: int
    rate: int
    seconds: float
    schedules: int = SCHEDULES


class Slice(NamedTuple):
    """What is due at a moment, at_ms: the time of its events, too. request: with the four bytes of its length."""

    at_ms: int
    events: int
    request: bytes


def slices(load: Load, starts_ms: int) -> Iterator[Slice]:
    """All slices of a load that begins then, in the order of their times; none is empty."""
    chance, run = random.Random(2), uuid.uuid4().hex
    names = [f"WorldDJFestival2025{number:06d}" for number in range(load.schedules)]
    count = int(load.rate * load.seconds)
    chosen = chance.choices(names, popularity(load.schedules), k=min(max(count, 1), CHOICES))
    prefix, first = f"{run[:8]}-{run[8:12]}-{run[12:16]}-{run[16:20]}", 0
    for after_ms in range(SLICE_MS, int(load.seconds * 1000) + 1, SLICE_MS):
        at_ms, upto = starts_ms + after_ms, load.rate * after_ms // 1000
        if upto > first:
            values = (envelope(f"{prefix}-{n:012x}", at_ms, chosen[n % len(chosen)], n) for n in range(first, upto))
            batches = _batches(values, at_ms, load.partitions, first)
            yield Slice(at_ms, upto - first, _request(load.topic, batches, after_ms))
            first = upto


def _batches(values: Iterable[bytes], at_ms: int, partitions: int, first: int) -> list[tuple[int, bytes]]:
    """Finished record batches by partition, round robin; `first` is the number of the first event."""
    builders: dict[int, BatchBuilder] = {}
    counts = [0] * partitions
    for number, value in enumerate(values, start=first):
        partition = number % partitions
        if partition not in builders:
            builders[partition] = BatchBuilder(
                magic=2,
                compression_type=0,
                is_transactional=0,
                producer_id=-1,  # as of a producer that is not idempotent: a number for each batch would gain nothing
                producer_epoch=-1,
                base_sequence=-1,
                batch_size=NO_LIMIT_BYTES,
            )
        builders[partition].append(counts[partition], at_ms, key=None, value=value, headers=[])
        counts[partition] += 1
    return [(partition, bytes(builder.build())) for partition, builder in builders.items()]


def _request(topic: str, batches: list[tuple[int, bytes]], number: int) -> bytes:
    request = ProduceRequest_v7(None, ACKS_ALL, int(GIVE_UP_S * 1000), [(topic, batches)])
    body = request.build_request_header(number, "load").encode() + request.encode()
    return struct.pack(">i", len(body)) + body


class Answers:
    """Counts what a broker acknowledges, whose bytes come cut as the network cuts them."""

    def __init__(self) -> None:
        self.acknowledged = 0
        """Events."""
        self.expected: deque[int] = deque()
        """The events of each request that is not answered, oldest first: a broker answers in this order."""
        self._rest = b""

    def read(self, data: bytes) -> None:
        """Take some bytes. ProgramFailed if an answer says that something was not written."""
        data, place = self._rest + data, 0
        while len(data) >= place + 4 and len(data) >= (end := place + 4 + struct.unpack_from(">i", data, place)[0]):
            self._look_at(data[place + 8 : end])  # after its length and the number of its request
            self.acknowledged += self.expected.popleft()
            place = end
        self._rest = data[place:]

    @staticmethod
    def _look_at(answer: bytes) -> None:
        for topic, partitions in ProduceResponse_v7.decode(BytesIO(answer)).topics:
            for partition, code, *_ in partitions:
                if code:
                    raise ProgramFailed(f"{topic}, partition {partition}: {for_code(code).__name__}")


def send(run: list[Slice], starts_ms: int, broker: socket.socket, tell: Callable[[float], None]) -> None:
    """Send each slice when it is due, and what is late at once. tell: events acknowledged a second, once a second.

    No request waits for the answer to another one: the load stays what it is when the broker is slow.
    """
    started_s = time.monotonic() + starts_ms / 1000 - time.time()
    answers, tell_at_s = Answers(), 1.0
    tell(0.0)
    for each in run:
        due_s = started_s + (each.at_ms - starts_ms) / 1000
        if (wait_s := due_s - time.monotonic()) > 0:
            time.sleep(wait_s)
        broker.sendall(each.request)
        answers.expected.append(each.events)
        # Looked at once a slice: to wake up for each answer would be as much work as sending.
        answers.read(_received(broker, 0))
        if (passed_s := time.monotonic() - started_s) >= tell_at_s:
            tell(answers.acknowledged / passed_s)
            tell_at_s = passed_s + 1.0
    while answers.expected:
        if not (data := _received(broker, GIVE_UP_S)):
            raise ProgramFailed(f"{len(answers.expected)} requests were not answered within {GIVE_UP_S:g} s")
        answers.read(data)
    tell(answers.acknowledged / (time.monotonic() - started_s))


def _received(broker: socket.socket, timeout_s: float) -> bytes:
    if not select([broker], [], [], timeout_s)[0]:
        return b""
    if not (data := broker.recv(65_536)):
        raise ProgramFailed("the broker closed the connection")
    return data


def main(load: Load, bootstrap: str, told: Path) -> None:
    """Make all, then send it; the first broker must lead every partition."""
    host, port = bootstrap.split(",")[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=GIVE_UP_S) as broker:
        broker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        starts_ms = int((time.time() + 1 + _takes_s(load) * SPARE) * 1000)
        run = list(slices(load, starts_ms))
        gc.collect()
        gc.freeze()  # all of it stays to the end: no pause to look through it again and again
        wait_s = starts_ms / 1000 - time.time()
        if wait_s < 0:
            raise ProgramFailed(f"the load was made {-wait_s:.1f} s too late; is the machine busy?")
        time.sleep(wait_s)
        send(run, starts_ms, broker, lambda sent_rate: _tell(told, sent_rate))


def _takes_s(load: Load) -> float:
    """How long it takes here to make it, judged by its first second: its events hold the time when it begins."""
    began_s = time.monotonic()
    list(slices(replace(load, seconds=1.0), 0))
    return (time.monotonic() - began_s) * load.seconds


def _tell(told: Path, sent_rate: float) -> None:
    unfinished = told.with_suffix(".part")
    unfinished.write_text(json.dumps({"sent_rate": sent_rate}))
    unfinished.rename(told)


@contextmanager
def sending(load: Load, bootstrap: str, folder: Path) -> Iterator[SentRate]:
    """A load by a process of its own, from when it has begun; what is yielded tells the rate that it managed.

    ProgramFailed if it cannot begin.
    """
    told, log = folder / "load.json", folder / "load.log"
    told.unlink(missing_ok=True)
    what = [bootstrap, load.topic, load.partitions, load.rate, load.seconds, load.schedules, told]
    process = start_child([sys.executable, "-m", "benchmarks.peers.load", *map(str, what)], log, cwd=ROOT)

    def still_running() -> None:
        if (code := process.poll()) is not None:
            raise ProgramFailed(f"the load has ended with {code}: {log.read_text()[-LOG_TAIL_CHARS:]}")

    def sent_rate() -> float:
        still_running()
        return float(json.loads(told.read_text())["sent_rate"])

    try:
        while not told.exists():
            still_running()
            time.sleep(LOOK_EVERY_S)
        yield sent_rate
    finally:
        ended(process)


if __name__ == "__main__":
    bootstrap, topic, partitions, rate, seconds, schedules, told = sys.argv[1:]
    main(Load(topic, int(partitions), int(rate), float(seconds), int(schedules)), bootstrap, Path(told))
