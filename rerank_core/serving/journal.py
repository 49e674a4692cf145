"""One line of JSON and one count for each request: who, what, how long; never what was said."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rerank_core.serving.metrics import Metrics

__all__ = ["ACCESS", "Entry", "Journal", "entry_of"]

ACCESS = logging.getLogger("rerank_core.serving.access")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_KEY = "rerank_core.entry"
_CLIENT_LEFT = 499  # nginx's number for it


@dataclass
class Entry:
    """What is known of a request, filled in on its way."""

    request_id: str
    path: str = ""  # as the documents write it; what a caller wrote there may be anything
    dialect: str = ""
    model: str = ""
    documents: int = 0
    tokens: int = 0
    status: int = _CLIENT_LEFT
    error: str = ""


class Journal:
    """Gives each request an id, and writes it down when it is answered.

    Args:
        app: What answers.
        metrics: What counts.
        write_lines: Whether to log.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, write_lines: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._write_lines = write_lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = Entry(_request_id(scope))
        scope[_KEY] = entry
        start = time.perf_counter()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry.status = message["status"]
                headers = [*message["headers"], (b"x-request-id", entry.request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - start
            self._metrics.count(entry.dialect, entry.status, seconds, entry.documents)
            if self._write_lines:
                ACCESS.info(_line(entry, scope, seconds))


def _request_id(scope: Scope) -> str:
    """Give the caller's id where it is one that may stand in a log, or a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _line(entry: Entry, scope: Scope, seconds: float) -> str:
    client = scope.get("client")
    line = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "request_id": entry.request_id,
        "client": client[0] if client else None,
        "method": scope["method"],
        "path": entry.path,
        "dialect": entry.dialect,
        "model": entry.model,
        "documents": entry.documents,
        "tokens": entry.tokens,
        "status": entry.status,
        "error": entry.error,
        "ms": round(1000 * seconds, 2),
    }
    return json.dumps({key: value for key, value in line.items() if value not in ("", None)})


def entry_of(scope: Mapping[str, Any]) -> Entry:
    """Give the entry of a request that came through a journal."""
    entry: Entry = scope[_KEY]
    return entry
