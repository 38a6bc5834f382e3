"""What calls are answered with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """An HTTP request with its whole body. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.body or b"null")


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def as_json(content: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(content, ensure_ascii=False).encode(), "application/json")


class Refusal(Exception):
    """A call of the contract that is not carried out. Wrong content is told by `code` alone, with status 200."""

    def __init__(self, code: str, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def body(request: Request) -> Any:
    """The body of a call of the contract. Raises Refusal where it is not JSON."""
    try:
        return request.json()
    except ValueError:
        raise Refusal("InvalidParameter", "The body is not JSON.") from None
