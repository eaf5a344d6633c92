"""`make fuzz`: coverage-guided fuzzing of the decoders with atheris, which is no dependency of this project.

python -m tests.fuzz.run [libFuzzer options] [CORPUS DIRECTORY ...]
"""

import sys
from importlib import import_module
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Fuzz until libFuzzer's options say stop; it writes what fails to a file and ends with another code than 0."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["schemas", "ranking_app.rankings", "tests.fuzz", "tests.support"]):
        from tests.fuzz.decoders import check_decoders
    atheris.Setup([*sys.argv, str(CORPUS)], check_decoders)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
