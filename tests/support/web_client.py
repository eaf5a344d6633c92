"""A small HTTP client for tests of running processes: JSON, and boards over all their pages."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

PAGE = 1_000
"""The largest `limit` of the contract."""

TIMEOUT_S = 30.0
Json = dict[str, Any]


class UnexpectedStatus(AssertionError):
    """The answer was not the one asked for; `status` and `body` are what came."""

    def __init__(self, path: str, status: int, body: str) -> None:
        super().__init__(f"GET {path}: {status} {body[:500]}")
        self.status = status
        self.body = body


class Client:
    """Reads from one process. Not for several threads at a time."""

    def __init__(self, port: int, host: str = "127.0.0.1", *, timeout_s: float = TIMEOUT_S) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
        self.name = f"{host}:{port}"

    def get(self, path: str, **parameters: object) -> Json:
        """The JSON of a 200; parameters that are None are left out. UnexpectedStatus for another answer."""
        given = {name: value for name, value in parameters.items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        status, body = self._fetch(target)
        if status != 200:
            raise UnexpectedStatus(target, status, body)
        answer = json.loads(body)
        assert isinstance(answer, dict), f"GET {target}: not an object"
        return answer

    def status(self, path: str) -> int | None:
        """The status of an answer, None where nobody answers."""
        try:
            return self._fetch(path)[0]
        except (OSError, http.client.HTTPException):
            return None

    def board(self, path: str, **parameters: object) -> Json:
        """A whole board: the first page's answer with the entries of all pages."""
        answer = self.get(path, limit=PAGE, **parameters)
        while len(answer["entries"]) < answer["total"]:
            page = self.get(path, limit=PAGE, offset=len(answer["entries"]), **parameters)
            assert page["entries"], f"{path}: an empty page before the end of {answer['total']} entries"
            answer["entries"] += page["entries"]
        return answer

    def schedule(self, name: str, **parameters: object) -> Json:
        """`GET /v1/schedules/{id}`."""
        return self.get(f"/v1/schedules/{quote(name, safe='')}", **parameters)

    def curve(self, name: str, parameters: Mapping[str, object]) -> Json:
        """`GET /v1/schedules/{id}/sales`; parameters as a mapping, since `from` is a word of Python."""
        return self.get(f"/v1/schedules/{quote(name, safe='')}/sales", **parameters)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _fetch(self, target: str) -> tuple[int, str]:
        try:
            return self._once(target)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return self._once(target)  # the kept connection was closed meanwhile: ask on a new one

    def _once(self, target: str) -> tuple[int, str]:
        try:
            self._connection.request("GET", target)
            response = self._connection.getresponse()
            return response.status, response.read().decode()
        except BaseException:
            self._connection.close()  # half an answer may still be on it
            raise
