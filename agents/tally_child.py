"""The process beside a worker that tallies slices of a backlog: requests on stdin, answers on stdout, in order.

It ends when its worker has gone. Requests and answers are pickles, each behind its length in 8 bytes. The first answer
is CODE: both sides have to be one program, and somebody may install another one while a worker runs.
"""

import gc
import pickle
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from xxhash import xxh3_64_hexdigest

from ranking_app.rankings import event_ids, numbering, panes, tally
from ranking_app.rankings.numbering import Numbering
from schemas import decode, json_object, reservation, sale, times, wire
from schemas.decode import DecodeRules

LENGTH = struct.Struct(">Q")

CODE = xxh3_64_hexdigest(
    b"".join(
        Path(module.__file__ or "").read_bytes()
        for module in (decode, json_object, reservation, sale, times, wire, event_ids, numbering, panes, tally)
    )
)
"""What a tally depends on, as it stood on the disk when this process began."""


class Request(NamedTuple):
    """A slice: offsets and values of its records."""

    rules: DecodeRules
    now_ms: int
    with_offsets: bool
    offsets: Sequence[int]
    values: Sequence[bytes | None]


def send(target: BinaryIO, message: object) -> None:
    """Write a message."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    target.write(LENGTH.pack(len(body)))
    target.write(body)
    target.flush()


def received(source: BinaryIO) -> Iterator[Any]:
    """The messages, until there are no more; what was cut off is none."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if len(body := source.read(length)) == length:
            yield pickle.loads(body)  # noqa: S301 - written by our own other half


def answer(request: Request, schedules: Numbering) -> tally.Tally | None:
    """None where our own code fails: the worker then tries it itself, and says where it fails."""
    try:
        return tally.tally(
            request.offsets, request.values, request.rules, request.now_ms, request.with_offsets, schedules
        )
    except Exception:
        return None


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Say what it is, then answer in order, until there is nobody to ask."""
    send(answers, CODE)
    schedules = Numbering()
    for fields in received(requests):
        send(answers, answer(Request(*fields), schedules))


def main() -> None:
    """Until stdin ends."""
    gc.disable()  # pydantic and we make no cycles, and looking for some takes a third of the time
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()  # the worker has gone, and with it whoever would read about that
