"""Kafka Streams: compiled here with a JDK, run on Kafka's own jars and two more."""

import hashlib
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from benchmarks.peers.peer import Peer, Run
from benchmarks.peers.result import Outcome
from benchmarks.peers.running import run_command, task_of
from ranking_app.local.jars import kafka_classpath
from ranking_app.local.java import MIN_JAVA, java_version

SOURCE = Path(__file__).with_name("java") / "Ranking.java"

JARS = {
    "org.apache.kafka:kafka-streams:4.1.1": "e554318dbc2b07461f714be32bb324744ba993eb7a49f938792beff577d7044b",
    "org.rocksdb:rocksdbjni:9.7.3": "5ca63e0e955f101f7af1c1fb8ce260b5d3a5701cea7d8c2852b9d56031a57221",
}
"""What Kafka Streams needs beside the broker's jars: Maven coordinate and sha256. rocksdbjni is 71 MB."""


class JarNotUsable(Exception):
    """A jar could not be fetched, or is not the one that is pinned: the row says so. Operator: check the network."""


def available() -> str | None:
    """Why it cannot run here."""
    if _javac() is None:
        return f"no javac of Java {MIN_JAVA} or newer (JAVA_HOME, PATH; Debian: default-jdk-headless)"
    try:
        _jars()
    except Exception as exc:  # whatever a resolver raises without a network
        return f"{type(exc).__name__}: {str(exc)[:150]}"
    return None


def _javac() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin" / "javac" if home else None, shutil.which("javac")]
    for javac in candidates:
        if javac and (java_version(Path(javac)) or 0) >= MIN_JAVA:
            return Path(javac)
    return None


@lru_cache(maxsize=1)
def _jars() -> tuple[Path, ...]:
    context = MavenContext(resolver=PythonResolver(), timeout=30)
    return tuple(_checked(context, coordinate, sha256) for coordinate, sha256 in JARS.items())


def _checked(context: MavenContext, coordinate: str, sha256: str) -> Path:
    jar = Path(context.create_dependency(coordinate).artifact.resolve())
    if hashlib.sha256(jar.read_bytes()).hexdigest() != sha256:
        raise JarNotUsable(f"{coordinate} is not the jar that is pinned")
    return jar


def _run(run: Run) -> Outcome:
    javac = _javac()
    assert javac is not None, "available() was asked"
    classpath = os.pathsep.join(str(jar) for jar in (*kafka_classpath(), *_jars()))
    classes = run.folder / "classes"
    subprocess.run([javac, "-cp", classpath, "-d", classes, SOURCE], check=True, capture_output=True)
    java = str(javac.resolve().with_name("java"))
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    task = task_of(run)
    threads = str(os.cpu_count() or 1)
    where = f"{classes}{os.pathsep}{classpath}"
    return run_command(task, [java, quiet, "-cp", where, "Ranking", task.to_json(), threads], run.folder / "java.log")


PEER = Peer(
    name="Kafka Streams",
    available=available,
    run=_run,
    configuration={
        "kafka-streams": "4.1.1, at least once, RocksDB with changelog",
        "num.stream.threads": "number of processors",
        "topology.optimization": "all",
        "windows": "TimeWindows.ofSizeAndGrace, grace of 2 h",
        "re-keying": "map and groupByKey where the topic is not keyed",
        "validation": "Jackson into records, fields checked",
    },
    leaves_out="duplicates, HTTP",
)
