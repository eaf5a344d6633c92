"""The law of the stream's bytes: however they are cut into chunks, the events are the same."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ranking_app.live_boards import Message, Messages

texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=20)
messages = st.builds(
    Message,
    event=st.sampled_from(["snapshot", "delta", "heartbeat"]),
    data=texts.map(str.strip).filter(bool).map(str.encode),
    id=st.none() | st.just("a.1"),
)


def sent(message: Message, ending: bytes) -> bytes:
    lines = [b"event: " + message.event.encode(), b"data: " + message.data, b": a comment"]
    lines += [] if message.id is None else [b"id: " + message.id.encode()]
    return b"".join(line + ending for line in [*lines, b""])


@given(st.lists(messages, max_size=5), st.sampled_from([b"\n", b"\r\n"]), st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_gives_the_same_events(found, ending, cuts):
    stream = b": ping" + ending + ending + b"".join(sent(message, ending) for message in found)
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    reader = Messages()
    chunks = [stream[begin:end] for begin, end in pairwise(borders)]
    assert [message for chunk in chunks for message in reader.feed(chunk)] == found
