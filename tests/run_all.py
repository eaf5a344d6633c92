"""Every test, in two halves side by side: `python -m tests.run_all [arguments of pytest]`.

The end-to-end tests mostly wait (for rebalances, session timeouts, loads at a rate), the others mostly compute: one
after the other they would leave half of two processors idle. The end-to-end half prints as it goes, the other one when
it is done. With arguments it is one run of pytest with these.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

BACKFILLS = sorted(str(path) for path in Path("tests/e2e").glob("test_backfill*.py"))
"""End to end too, but the other half would be idle before this one is done."""

E2E = ["tests/e2e", "tests/browser", *(f"--ignore={path}" for path in BACKFILLS)]
OTHERS = [
    *("tests", "--ignore=tests/e2e", "--ignore=tests/browser", *BACKFILLS),
    *("ranking_app", "agents", "schemas", "tables"),
]


def main(arguments: list[str]) -> int:
    """Exit code of pytest; that of the worse half where there are two."""
    if arguments:
        return subprocess.run(_pytest(arguments), check=False).returncode
    with tempfile.TemporaryFile("w+") as output:
        others = subprocess.Popen(_pytest(OTHERS), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            e2e = subprocess.run(_pytest(E2E), check=False).returncode
            code = others.wait()
        finally:
            others.kill()
            others.wait()
            output.seek(0)
            sys.stdout.write(output.read())
            sys.stdout.flush()
    return max(e2e, code)


def _pytest(arguments: list[str]) -> list[str]:
    # A laptop may be without Java or a browser; a green run in CI must not mean that nothing ran.
    needed = ["--require-kafka", "--require-browser"] if os.environ.get("CI") else []
    return [sys.executable, "-m", "pytest", *needed, *arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
