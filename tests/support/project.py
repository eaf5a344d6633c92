"""Where the project lies, and what its setup.cfg says."""

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = ("ranking_app", "agents", "schemas", "tables")
"""What is installed; tests and benchmarks are not."""


def setup_cfg() -> ConfigParser:
    """The parsed setup.cfg."""
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser
