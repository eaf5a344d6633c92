"""The examples of `/openapi.json` and `/docs` are what the app answers."""

from typing import Any

import pytest

from ranking_app.web import examples
from ranking_app.web.openapi import PROBLEMS
from ranking_app.web.operations import OPERATIONS
from tests.support.example_world import PROBLEM_QUESTIONS, QUESTIONS, ask, ask_problem

WRITE_ANEW = "run `python -m tests.support.example_world`, and read what changed"


def but_for_the_release(answer: Any) -> Any:
    """A release changes the version, and no example."""
    return {**answer, "self": {**answer["self"], "version": "any"}} if "self" in answer else answer


def test_every_operation_that_answers_json_has_an_example():
    assert [op.name for op in OPERATIONS if op.answer and op.name not in examples.answers()] == []
    assert {name: example["path"] for name, example in examples.answers().items()} == QUESTIONS, WRITE_ANEW


def test_every_problem_has_an_example():
    assert [kind.slug for kind in PROBLEMS if kind.slug not in examples.problems()] == []
    assert {slug: example["path"] for slug, example in examples.problems().items()} == PROBLEM_QUESTIONS, WRITE_ANEW


@pytest.mark.parametrize(("name", "path"), QUESTIONS.items(), ids=QUESTIONS)
async def test_each_example_is_what_the_app_answers(name, path):
    answer = await ask(path)
    assert but_for_the_release(answer) == but_for_the_release(examples.answers()[name]["answer"]), WRITE_ANEW
    assert list(answer) == list(examples.answers()[name]["answer"]), "in the same order"


@pytest.mark.parametrize("slug", PROBLEM_QUESTIONS)
async def test_each_example_of_a_problem_is_what_the_app_answers(slug):
    assert await ask_problem(slug) == examples.problems()[slug]["answer"], WRITE_ANEW


def test_each_example_shows_something():
    for name, example in examples.answers().items():
        for part in ("entries", "boards", "points", "panes", "schedules", "genre"):
            assert example["answer"].get(part, "nothing of the kind"), f"{name}: empty {part}"
    assert examples.answers()["schedule"]["answer"]["forecast"] is not None
