"""Environments of the peers' own packages, which are no dependencies of this project.

One each, because they do not agree on versions: made once, in the cache directory, with exactly the versions of
requirements/NAME.txt.
"""

import re
import subprocess
import sys
from pathlib import Path

from ranking_app.local.file_lock import locked
from ranking_app.local.jars import default_cache_dir

REQUIREMENTS = Path(__file__).with_name("requirements")


class PeerNotInstalled(Exception):
    """The packages of a peer could not be installed: its row says so. Operator: read the reason, mostly no network."""


def python_of(name: str) -> Path:
    """The Python of an environment with what requirements/NAME.txt lists. PeerNotInstalled."""
    wanted = (REQUIREMENTS / f"{name}.txt").read_text()
    home = default_cache_dir().parent / "peers" / name
    python, installed = home / "bin" / "python", home / "installed.txt"
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_suffix(".lock"), waiting=f"Another process is installing {name}; waiting for it"):
        if not installed.exists() or installed.read_text() != wanted:
            print(f"Installing what the peer {name} needs, once", flush=True)
            _run([sys.executable, "-m", "venv", "--clear", str(home)])
            _run([str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS / f"{name}.txt")])
            installed.write_text(wanted)
    return python


def missing(name: str) -> str | None:
    """Why the environment cannot be had; None if it is there now."""
    try:
        python_of(name)
    except PeerNotInstalled as exc:
        return str(exc)
    return None


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PeerNotInstalled(f"not installed: {re.sub(r'https?://[^ ]+', '…', last)[:200]}")
