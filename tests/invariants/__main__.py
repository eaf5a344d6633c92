"""`make invariants`: takes out the line that keeps each invariant, in a copy, and sees a test fail.

    python -m tests.invariants [--only 4]

The last line is JSON. Exit code 1 if a test still passes without its line, or fails with it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.invariants.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).resolve().parents[2]
TEST_TIMEOUT_S = 300

PASSED, FAILED = 0, 1
"""Exit codes of pytest; others mean that it could not run the test at all."""


@click.command()
@click.option("--only", type=int, multiple=True, help="Numbers of invariants; all if none is given.")
def main(only: tuple[int, ...]) -> None:
    """Break the app on purpose, one line at a time."""
    chosen = [breakage for breakage in BREAKAGES if not only or breakage.invariant in only]
    with tempfile.TemporaryDirectory(prefix="ranking-invariants-") as folder:
        copy = Path(folder) / "project"
        _copy_project(copy)
        sound = _pytest(copy, sorted({breakage.test for breakage in chosen})) == PASSED
        print("as it is: every test passes" if sound else "as it is: A TEST FAILS", flush=True)
        caught = [_is_caught(copy, breakage) for breakage in chosen] if sound else []
    print(json.dumps({"broken": len(chosen), "caught": sum(caught), "sound": sound}))
    sys.exit(0 if sound and all(caught) else 1)


def _copy_project(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _is_caught(copy: Path, breakage: Breakage) -> bool:
    path = copy / breakage.file
    whole = path.read_text()
    path.write_text(whole.replace(breakage.line, breakage.becomes))
    started_s = time.monotonic()
    try:
        caught = _pytest(copy, [breakage.test]) == FAILED
    finally:
        path.write_text(whole)
    verdict = "fails" if caught else "DOES NOT FAIL"
    name = breakage.test.rpartition("::")[2]
    print(f"{breakage.invariant}  without {breakage.without}: {name} {verdict} ({time.monotonic() - started_s:.0f} s)")
    sys.stdout.flush()
    return caught


def _pytest(copy: Path, tests: list[str]) -> int:
    """Exit code of pytest over these tests, in the copy: its packages come before the installed ones."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=copy, capture_output=True, timeout=TEST_TIMEOUT_S, check=False).returncode


if __name__ == "__main__":
    main()
