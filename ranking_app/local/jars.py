"""Brings Apache Kafka's own jars onto this machine, once: fetched from Maven Central, checked, kept in a cache.

Once the cache is complete nothing here touches the network.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranking_app.errors import KafkaDownloadFailed, LocalExtraMissing
from ranking_app.local.file_lock import locked
from ranking_app.local.jar_list import JARS, KAFKA_VERSION

if TYPE_CHECKING:
    from requests import Session

_HTTP_TIMEOUT_S = 10
_TRIES = 3
_PAUSE_S = 1.0
"""Before the second try, and twice that before the third. A line that swallows packets is an error after 33 s."""

_CHUNK_BYTES = 64 * 1024

_PARALLEL = 4
"""Downloads at a time. Four fill an ordinary line; more only provoke Maven Central's rate limit."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the list: where it comes from and what it must be."""

    coordinate: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Its file name, in the cache as in a Maven repository."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def maven_path(self) -> str:
        """Where a Maven repository keeps it, below its root."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.name}"


def wanted_jars() -> list[Jar]:
    """Every jar of the list."""
    rows = (line.split() for line in JARS.splitlines())
    return [Jar(coordinate, int(size), sha256) for coordinate, size, sha256 in rows]


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/ranking-app/kafka-VERSION`, by default below ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ranking-app" / f"kafka-{KAFKA_VERSION}"


def kafka_classpath(cache_dir: Path | None = None) -> list[Path]:
    """The jars, fetched first if any is missing. Safe to call from many processes at a time.

    KafkaDownloadFailed if they cannot be had; LocalExtraMissing if requests is needed and not installed.
    """
    cache = (cache_dir or default_cache_dir()).absolute()
    jars = wanted_jars()
    if missing := _missing(jars, cache):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with locked(cache / "lock", waiting="Another process is fetching Apache Kafka; waiting for it"):
                if missing := _missing(jars, cache):  # whoever held the lock may have brought them
                    _bring(missing, cache)
        except OSError as exc:
            raise _failed("the jars", cache, exc) from exc
    return [cache / jar.name for jar in jars]


def _missing(jars: Sequence[Jar], cache: Path) -> list[Jar]:
    # A jar is renamed into place after its hash was checked, so its size says enough here; hashing 44 MB at
    # every start would cost a tenth of a second for nothing.
    return [jar for jar in jars if _size(cache / jar.name) != jar.size]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _bring(jars: Sequence[Jar], cache: Path) -> None:
    for left_over in cache.glob("fetching-*"):  # of a process that was killed; we hold the lock
        shutil.rmtree(left_over, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as staging:
        to_fetch = [jar for jar in jars if not _taken_from_maven_home(jar, cache, Path(staging))]
        if to_fetch:
            _fetch(to_fetch, cache, Path(staging))


def _taken_from_maven_home(jar: Jar, cache: Path, staging: Path) -> bool:
    # A developer's ~/.m2 often has some of them, and a machine without network may have them all.
    home = Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")
    try:
        copy = Path(shutil.copyfile(home / jar.maven_path, staging / jar.name))
    except OSError:
        return False
    if not _is_whole(jar, copy):
        return False
    os.replace(copy, cache / jar.name)
    return True


def _is_whole(jar: Jar, path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _fetch(jars: Sequence[Jar], cache: Path, staging: Path) -> None:
    try:
        from requests import Session  # only here: of no use once the jars are there
    except ImportError as exc:
        raise LocalExtraMissing(
            "Fetching Kafka needs the packages jgo and requests: pip install 'ranking-app[local]'"
        ) from exc
    total_bytes = sum(jar.size for jar in jars)
    with Session() as session, _progress(total_bytes, cache) as advance, ThreadPoolExecutor(_PARALLEL) as pool:

        def fetch(jar: Jar) -> None:
            part = staging / jar.name
            _download(jar, part, cache, session, advance)
            os.replace(part, cache / jar.name)

        running = [pool.submit(fetch, jar) for jar in jars]
        try:
            for done in as_completed(running):
                done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _download(jar: Jar, to: Path, cache: Path, session: "Session", advance: Callable[[int], None]) -> None:
    from requests import RequestException

    failure = ""
    for attempt in range(_TRIES):
        time.sleep(attempt * _PAUSE_S)
        received = 0
        try:
            with session.get(f"{_repository()}/{jar.maven_path}", stream=True, timeout=_HTTP_TIMEOUT_S) as response:
                response.raise_for_status()
                with to.open("wb") as file:
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        received += file.write(chunk)
                        advance(len(chunk))
        except RequestException as exc:
            failure = str(exc)
        else:
            if _is_whole(jar, to):
                return
            failure = f"what came is not what was expected, with sha256 {jar.sha256}"
        advance(-received)
    raise _failed(jar.coordinate, cache, failure)


def _repository() -> str:
    """Where jgo, the Maven resolver that made the list, looks by default."""
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
    except ImportError as exc:
        raise LocalExtraMissing("Fetching Kafka needs the package jgo: pip install 'ranking-app[local]'") from exc
    return str(MAVEN_CENTRAL_URL)


def _failed(what: str, cache: Path, cause: object) -> KafkaDownloadFailed:
    return KafkaDownloadFailed(
        f"Could not fetch {what} of Apache Kafka {KAFKA_VERSION} from Maven Central "
        f"into {cache}: {cause}. Check the network; behind a proxy set "
        "HTTPS_PROXY; without a network copy that directory from a machine that has it (XDG_CACHE_HOME moves "
        "it). Run the same command again: what has arrived is kept."
    )


@contextmanager
def _progress(total_bytes: int, cache: Path) -> Iterator[Callable[[int], None]]:
    what = f"Fetching Apache Kafka {KAFKA_VERSION}, once"
    if not sys.stderr.isatty():
        click.echo(f"{what}: {total_bytes / 1e6:.0f} MB from Maven Central into {cache}", err=True)
        yield lambda _: None
        click.echo("Fetched.", err=True)
        return
    from rich.console import Console  # only on a terminal, and only the first time
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total_bytes)
        yield lambda size: bar.advance(task, size)
