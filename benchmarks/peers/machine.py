"""What the figures were measured on, and with which versions."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.environments import REQUIREMENTS
from ranking_app.local.jar_list import KAFKA_VERSION
from ranking_app.local.java import find_java

OURS = ("ranking-app", "faust-streaming", "aiokafka", "pydantic", "rocksdict")
BUSY_SHARE = 0.5

THEIRS = {"quix": "quixstreams", "bytewax": "bytewax", "redis": "redis"}


def machine() -> dict[str, str]:
    """Processors, memory and system; no names of the machine."""
    info = _read("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", info)
    memory = re.search(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    return {
        "processors": f"{os.cpu_count()} of {model[1] if model else platform.machine()}",
        "memory": f"{int(memory[1]) // 1024 // 1024} GiB" if memory else "unknown",
        "system": platform.system(),
    }


def versions() -> dict[str, str]:
    """By name. Of the peers in environments of their own, what is pinned."""
    found = {"Python": platform.python_version(), **{name: version(name) for name in OURS}, "Kafka": KAFKA_VERSION}
    for file, name in THEIRS.items():
        pinned = re.search(rf"(?m)^{name}==(.*)$", (REQUIREMENTS / f"{file}.txt").read_text())
        found[name] = pinned[1] if pinned else "unknown"
    found["javac"] = _said(["javac", "-version"], r"javac (\S+)")
    found["Java of the broker"] = _said([str(find_java()), "-version"], r'version "([^"]+)"')
    found["redis-server"] = _said(["redis-server", "--version"], r"v=([\d.]+)")
    return found


def busy() -> str | None:
    """A warning when others use the processors; None when they do not."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load < processors * BUSY_SHARE:
        return None
    return f"This machine is busy (load {load:.1f}, processors {processors}): its figures and ratios mean little"


def _said(command: Sequence[str], pattern: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError:
        return "none"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
