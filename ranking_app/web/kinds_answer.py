"""Answers about what can be asked: the boards with their parameters, and the slices with their values."""

from collections.abc import Mapping

from ranking_app.rankings.boards.board import BoardKind, Parameter
from ranking_app.rankings.slices import SliceValues
from ranking_app.web.answers import whole_second_or_null
from ranking_app.web.models import BoardKindAnswer, BoardParameterAnswer, SliceValueAnswer, SliceValuesAnswer


def kind_answer(kind: BoardKind, defaults: Mapping[str, str]) -> BoardKindAnswer:
    """A board. defaults: of parameters that a setting chose."""
    return {
        "name": kind.name,
        "summary": {"en": kind.summary.en, "ko": kind.summary.ko},
        "how": {"en": kind.how.en, "ko": kind.how.ko},
        "defaultWindow": kind.default_window,
        "parameters": [_parameter(parameter, defaults) for parameter in kind.parameters],
    }


def _parameter(parameter: Parameter, defaults: Mapping[str, str]) -> BoardParameterAnswer:
    return {
        "name": parameter.name,
        "description": parameter.description,
        "default": defaults.get(parameter.name, parameter.default),
        "choices": list(parameter.choices),
    }


def slices_answer(values: SliceValues) -> SliceValuesAnswer:
    """Every value with its count."""

    def counts(pairs: list[tuple[str, int]]) -> list[SliceValueAnswer]:
        return [{"value": value, "schedules": count} for value, count in pairs]

    return {
        "genre": counts(values.genre),
        "region": counts(values.region),
        "venue": counts(values.venue),
        "capacityClass": counts(values.capacity_class),
        "shows": {
            "first": whole_second_or_null(values.first_show_ms),
            "last": whole_second_or_null(values.last_show_ms),
        },
    }
