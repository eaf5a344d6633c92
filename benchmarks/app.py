"""Processes of the app under measurement: started the same way everywhere, and what their logs tell."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path


def start(command: str, log: Path, **settings: object) -> "subprocess.Popen[bytes]":
    """`ranking-app COMMAND` with these settings (broker="…" is RANKING_BROKER); its output is added to log."""
    own = {f"RANKING_{name.upper()}": str(value) for name, value in settings.items()}
    with log.open("a") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "ranking_app.cli", command], env={**os.environ, **own}, stdout=out, stderr=out
        )


def logged_at_s(log: Path, event: str) -> float:
    """When a process logged this first, in seconds since the epoch. LookupError if it did not."""
    for line in log.read_text().splitlines():
        fact = json.loads(line)
        if fact.get("event") == event:
            return datetime.fromisoformat(fact["timestamp"]).timestamp()
    raise LookupError(f"the log does not say {event}")
