"""The process beside a worker that tallies slices of a backlog: `python -m agents.tally_child`, requests on stdin.

It ends when its worker has gone. Requests and answers are pickles, each behind its length in 8 bytes; both sides are
one program.
"""

import gc
import pickle
import signal
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple

from ranking_app.rankings.tally import Tally, tally
from schemas.decode import DecodeRules

LENGTH = struct.Struct(">Q")


class Request(NamedTuple):
    """A slice: offsets and values of its records."""

    rules: DecodeRules
    now_ms: int
    offsets: Sequence[int]
    values: Sequence[bytes | None]


class Sent(NamedTuple):
    """What decoding uses of a record."""

    offset: int
    value: bytes | None


def send(target: BinaryIO, message: object) -> None:
    """Write a message, in one piece as far as the pipe takes it."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    target.write(LENGTH.pack(len(body)) + body)
    target.flush()


def received(source: BinaryIO) -> Iterator[Any]:
    """The messages, until there are no more; what was cut off is none."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        (length,) = LENGTH.unpack(head)
        if len(body := source.read(length)) == length:
            yield pickle.loads(body)  # noqa: S301 - written by our own other half


def answer(request: Request) -> Tally | None:
    """None where our own code fails: the worker then tries it itself, and says where it fails."""
    try:
        records = list(map(Sent._make, zip(request.offsets, request.values, strict=True)))
        return tally(records, request.rules, request.now_ms)
    except Exception:
        return None


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Say that it is there, then answer in order, until there is nobody to ask."""
    send(answers, None)
    for fields in received(requests):
        send(answers, answer(Request(*fields)))


def main() -> None:
    """Until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal it is for the worker
    gc.disable()  # pydantic and we make no cycles, and looking for some takes a third of the time
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()  # the worker has gone, and with it whoever would read about that


if __name__ == "__main__":
    main()
