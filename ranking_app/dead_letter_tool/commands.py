"""`ranking-app dead-letters list | show | replay`: what each does, once its options are read."""

import heapq
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
import structlog

from ranking_app.dead_letter_tool.errors import LetterWasCut, NoOrigin, WrongChoice
from ranking_app.dead_letter_tool.letters import Identity, Letter, Wanted, parse_position, source_named
from ranking_app.dead_letter_tool.mending import mended_values, why_bad
from ranking_app.dead_letter_tool.progress import key_of, replayed_before
from ranking_app.dead_letter_tool.reading import letter_reader
from ranking_app.dead_letter_tool.replaying import Outcome, Reason, left_out, replaying
from ranking_app.dead_letter_tool.showing import line_of, object_of, value_line, whole
from ranking_app.durations import parse_duration_ms
from ranking_app.kafka_client import client_options, wait_for_brokers
from ranking_app.settings import Settings
from ranking_app.topics import dead_letter_name
from schemas.times import parse_event_time_ms

log = structlog.get_logger(__name__)

Ask = Callable[[str], bool]
"""Puts a question; whether the answer was yes."""

LEFT_OUT: Mapping[Reason, str] = {
    "before": "sent by an earlier replay",
    "cut": "cut, because their topic takes no larger ones: give the whole value with --value-file",
    "empty": "without key and value: give a value with --value-file",
    "foreign": "not written by a worker",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was typed. topics: source or dead-letter topics; none means all."""

    topics: Sequence[str] = ()
    error: str | None = None
    since: str | None = None
    until: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether anything was asked for."""
        return bool(self.topics or self.error or self.since or self.until)

    def read(self, settings: Settings, now_ms: int) -> Wanted:
        """The filter's meaning. WrongPosition for a topic that is no source, WrongChoice for what is no time."""
        sources = sources_of(settings)
        chosen = {source_named(name, sources) for name in self.topics} or set(sources)
        times = [None if text is None else _time_ms(text, settings, now_ms) for text in (self.since, self.until)]
        return Wanted(tuple(s for s in sources if s in chosen), self.error, *times)


def sources_of(settings: Settings) -> tuple[str, ...]:
    """Every topic that has a dead-letter topic."""
    return (*settings.source_topics, settings.catalogue_topic)


async def list_letters(settings: Settings, chosen: Filter, newest: int, as_json: bool, now_ms: int) -> None:
    """Print the newest letters that match, oldest of them first."""
    wanted = chosen.read(settings, now_ms)
    options = await _connected(settings)
    done = await replayed_before(options, wanted.sources)
    kept: list[tuple[int, int, Letter]] = []
    seen = 0
    async with letter_reader(options, sources_of(settings)) as reader:
        async for letter in reader.letters(await reader.spans(wanted, newest), wanted):
            seen += 1
            (heapq.heappush if len(kept) < newest else heapq.heappushpop)(kept, (letter.written_ms, seen, letter))
    for _, _, letter in sorted(kept):
        again = _was_replayed(letter, done)
        click.echo(json.dumps(object_of(letter, again)) if as_json else line_of(letter, again))
    if not kept and not as_json:
        click.echo("no dead letters", err=True)


async def show_letters(settings: Settings, positions: Sequence[str], most_bytes: int, value_only: bool) -> None:
    """Print letters whole, or their values alone, a line each, to be mended."""
    options = await _connected(settings)
    letters = await _at(options, positions, sources_of(settings))
    if value_only:
        for letter in letters:
            click.echo(value_line(letter))
        return
    done = await replayed_before(options, tuple({letter.source for letter in letters}))
    click.echo("\n\n".join(whole(letter, _was_replayed(letter, done), most_bytes) for letter in letters))


async def replay_positions(settings: Settings, positions: Sequence[str], value_file: str | None, ask: Ask) -> None:
    """Send the letters at these positions, with the values in value_file where one is given. ask: before sending."""
    options = await _connected(settings)
    letters = await _at(options, positions, sources_of(settings))
    _refuse_unsendable(letters, with_values=value_file is not None)
    mended = {} if value_file is None else mended_values(value_file, letters, settings)
    by_source = {source: [one for one in letters if one.source == source] for source in sources_of(settings)}
    plan = Plan(settings, await replayed_before(options, sources_of(settings)), mended)
    for letter in letters:
        plan.look_at(letter)
    with _told(plan) as outcome:
        if plan.sends and ask(plan.question()):
            for source, own in by_source.items():
                if own:
                    async with replaying(options, source) as replay:
                        await replay.send(_each(own), mended, outcome)


async def replay_matching(settings: Settings, chosen: Filter, ask: Ask, now_ms: int) -> None:
    """Send every letter that matches now. They are read twice, to be counted and to be sent, and never held at once."""
    wanted = chosen.read(settings, now_ms)
    options = await _connected(settings)
    plan = Plan(settings, await replayed_before(options, wanted.sources), {})
    async with letter_reader(options, sources_of(settings)) as reader:
        spans = await reader.spans(wanted)
        async for letter in reader.letters(spans, wanted):
            plan.look_at(letter)
        with _told(plan) as outcome:
            if plan.sends and ask(plan.question()):
                for source in wanted.sources:
                    if plan.sends[source]:
                        own = [span for span in spans if span[0].topic == dead_letter_name(source)]
                        async with replaying(options, source) as replay:
                            await replay.send(reader.letters(own, wanted), {}, outcome)


class Plan:
    """What a replay would do: asked before it is done."""

    def __init__(self, settings: Settings, done: frozenset[bytes], mended: Mapping[Identity, bytes]) -> None:
        self._settings = settings
        self._done = set(done)
        self._mended = mended
        self.sends: Counter[str] = Counter()
        """Letters by source topic."""
        self.left_out: Counter[Reason] = Counter()
        self.bad_again = 0

    def look_at(self, letter: Letter) -> None:
        """Count one letter."""
        reason, identity = left_out(letter, self._done, self._mended), letter.identity
        if reason is not None or identity is None:
            self.left_out[reason or "foreign"] += 1
            return
        self._done.add(key_of(identity))
        self.sends[letter.source] += 1
        self.bad_again += why_bad(letter.source, self._mended.get(identity, letter.value), self._settings) is not None

    def question(self) -> str:
        """What to ask before sending."""
        sends = f"Send {_counted(self.sends)} again?"
        if not self.bad_again:
            return sends
        return f"{self.bad_again} of them are bad records as they are, and will come back as dead letters. {sends}"


@contextmanager
def _told(plan: Plan) -> Iterator[Outcome]:
    """Says at the end what was sent, also after an error: what is counted is committed, and was sent once."""
    outcome = Outcome()
    try:
        yield outcome
    finally:
        click.echo(f"{_counted(Counter(outcome.sent))} sent" if outcome.total else "0 records sent")
        for reason, count in sorted(plan.left_out.items()):
            click.echo(f"{count} left out: {LEFT_OUT[reason]}")


def _refuse_unsendable(letters: Sequence[Letter], with_values: bool) -> None:
    for letter in letters:
        if letter.identity is None or letter.origin is None:
            raise NoOrigin(f"{letter.position} was not written by a worker: nothing says where it came from")
        if letter.origin.cut_from is not None and not with_values:
            raise LetterWasCut(
                f"{letter.position} has the beginning of a value of {letter.origin.cut_from} bytes: take the whole one "
                f"from {letter.source!r}, partition {letter.origin.partition}, offset {letter.origin.offset}, and "
                "give it with --value-file"
            )


async def _connected(settings: Settings) -> dict[str, Any]:
    """Options of every client, once a broker has answered. BrokersUnreachable."""
    options = client_options(settings)
    await wait_for_brokers(options, settings.broker_wait, log)
    return options


async def _at(options: Mapping[str, Any], positions: Sequence[str], sources: tuple[str, ...]) -> list[Letter]:
    wanted = [parse_position(text, sources) for text in positions]
    async with letter_reader(options, sources) as reader:
        return [await reader.at(position, sources) for position in wanted]


async def _each(letters: Iterable[Letter]) -> AsyncIterator[Letter]:
    for letter in letters:
        yield letter


def _was_replayed(letter: Letter, done: frozenset[bytes]) -> bool:
    return letter.identity is not None and key_of(letter.identity) in done


def _counted(sends: Counter[str]) -> str:
    """
    >>> _counted(Counter({"reservation.completed": 3}))
    '3 records to reservation.completed (3)'
    """
    topics = ", ".join(f"{topic} ({count})" for topic, count in sends.items() if count)
    return f"{sends.total()} record{'s' if sends.total() != 1 else ''} to {topics}"


def _time_ms(text: str, settings: Settings, now_ms: int) -> int:
    """A time, or how long ago."""
    try:
        return parse_event_time_ms(text, settings.zone)
    except ValueError:
        pass
    try:
        return now_ms - parse_duration_ms(text)
    except ValueError:
        raise WrongChoice(
            f"expected a time such as 2026-06-14T11:00Z or how long ago (90s, 5m, 1h, 7d), got {text!r}"
        ) from None
