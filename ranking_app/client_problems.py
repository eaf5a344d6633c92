"""How asking a ranking-app may fail: one class per cause, for those who use `ranking_app.client`.

ClientError                     the base
├── NotReached                  no answer: refused, cut off, too slow
├── UnexpectedAnswer            an answer, but none of a ranking-app
└── ApiProblem                  a problem that the app names (RFC 9457)
    ├── InvalidParameter        400
    ├── UnknownSchedule         404
    ├── UnknownBoard            404
    ├── NotOnBoard              404
    └── ComeBackLater           503: loading, or full; `retry_after_s`
"""

from collections.abc import Mapping
from typing import Any

from ranking_app.errors import RankingError


class ClientError(RankingError):
    """A question that got no answer."""


class NotReached(ClientError):
    """Nobody answered in time. Operator: look whether the app runs at that address; the same question may succeed."""

    retriable = True


class UnexpectedAnswer(ClientError):
    """What answered is no ranking-app, or a proxy spoke in its place. Operator: look at the address and the message."""


class ApiProblem(ClientError):
    """The app said why it does not answer. `type` is the path of the section of its `/docs`, or `about:blank`."""

    def __init__(self, members: Mapping[str, Any], retry_after_s: float | None) -> None:
        """members: of the problem, by RFC 9457. retry_after_s: of the header."""
        self.status = int(members["status"])
        self.type = str(members.get("type", "about:blank"))
        self.title = str(members.get("title", ""))
        self.detail = str(members.get("detail", ""))
        self.parameter: str | None = members.get("parameter")
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.status} {self.title}: {self.detail}")


class InvalidParameter(ApiProblem):
    """A parameter cannot be used: `parameter` names it, `detail` says what was expected."""


class UnknownSchedule(ApiProblem):
    """No event and no catalogue record has this id."""


class UnknownBoard(ApiProblem):
    """There is no board of this name; `kinds()` lists them."""


class NotOnBoard(ApiProblem):
    """The schedule is known, but not on this board."""


class ComeBackLater(ApiProblem):
    """The process is still loading, or has as many live streams as it takes: ask again in `retry_after_s`."""

    retriable = True


_KINDS: Mapping[str, type[ApiProblem]] = {
    "/docs#invalid-parameter": InvalidParameter,
    "/docs#unknown-schedule": UnknownSchedule,
    "/docs#unknown-board": UnknownBoard,
    "/docs#not-on-board": NotOnBoard,
    "/docs#still-loading": ComeBackLater,
    "/docs#too-many-watchers": ComeBackLater,
}


def api_problem(members: Mapping[str, Any], retry_after_s: float | None = None) -> ApiProblem:
    """The exception of its kind."""
    return _KINDS.get(str(members.get("type")), ApiProblem)(members, retry_after_s)
