"""Examples of answers for `/openapi.json` and `/docs`: what the app answers about one small, made-up day of sales.

They lie in examples.json, which is written by asking the app (tests/support/example_world.py) and compared with it by a
test: an example that is no longer true fails there.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, TypedDict

ID = "WorldDJFestival20260704"
"""The schedule that examples of parameters name."""


class Example(TypedDict):
    """path: what was asked, with its query. answer: the JSON that came."""

    path: str
    answer: Any


def answers() -> dict[str, Example]:
    """Of good answers, by the name of the operation."""
    return _all()["answers"]


def problems() -> dict[str, Example]:
    """Of problems, by their slug."""
    return _all()["problems"]


@cache
def _all() -> dict[str, dict[str, Example]]:
    found: dict[str, dict[str, Example]] = json.loads(files(__package__).joinpath("examples.json").read_text("utf-8"))
    return found
