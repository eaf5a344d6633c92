"""Looks at processes that are nobody's child here."""

import os
from pathlib import Path


def is_running(pid: int) -> bool:
    """Does the process run? One that ended and whose new parent has not looked yet (a zombie) does not count."""
    try:
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        os.kill(pid, 0)
    except OSError:
        return False
    return True
