"""The desk: each request is read, understood in its dialect, ranked, and answered in that dialect."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import traceback
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rerank_core.errors import DeadlineExceededError, EngineError, RerankError
from rerank_core.serving import page, wire
from rerank_core.serving.body import ClientLeftError, read_body, unless_client_leaves
from rerank_core.serving.dialects.dialect import Lookup, Problem
from rerank_core.serving.journal import entry_of
from rerank_core.serving.refusals import (
    BodyError,
    MethodNotAllowedError,
    SlowRequestError,
    TooLargeError,
    UnauthenticatedError,
)
from rerank_core.serving.router import Router, by_marks

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Asked, Headers
    from rerank_core.serving.journal import Entry
    from rerank_core.serving.keys import ApiKeys
    from rerank_core.serving.router import Place
    from rerank_core.serving.service import Service

__all__ = ["Desk", "answer", "json_response", "neutral"]

_LOG = logging.getLogger("rerank_core.serving")
# The page needs no script and no other server.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Desk:
    """Answers in every dialect."""

    def __init__(self, service: Service, keys: ApiKeys) -> None:
        self._service = service
        self._keys = keys
        self._router = Router(service.settings.dialect)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        with contextlib.suppress(ClientLeftError):  # who is not there needs no answer
            response = await self._answered(request)
            await response(scope, receive, send)

    async def page(self, request: Request) -> Response:
        """Answer people."""
        form, result, error, status = page.Form(), None, "", 200
        entry = entry_of(request.scope)
        entry.dialect, entry.path = "page", "/"
        if request.method == "POST":
            try:
                with self._service.admitted():
                    deadline = self._deadline()
                    form = page.read_form(await self._body(request))
                    self._keys.check({"api-key": form.key})
                    result = await self._ranked(form.asked(), deadline, request)
            except ClientLeftError:
                status = 499
            except RerankError as problem:
                error, status = str(problem), problem.status
                entry.error = type(problem).__name__
            except Exception as problem:  # noqa: BLE001  (as below)
                error, status = _unexpected(problem, entry), 500
        text = page.render(
            form,
            list(self._service.rerankers),
            asks_for_key=bool(self._keys),
            result=result,
            error=error,
        )
        headers = {"content-security-policy": _PAGE_POLICY, "referrer-policy": "no-referrer"}
        return HTMLResponse(text, status, headers)

    async def _answered(self, request: Request) -> Response:
        """Answer, whatever happens."""
        entry = entry_of(request.scope)
        problem_of = neutral
        headers = request.headers
        try:
            deadline = self._deadline()
            path = request.scope["path"]
            places = self._router.places(request.method, path)
            likely = by_marks(places, headers, {})
            if len(likely) == 1:
                problem_of = _speaking(likely[0], entry)
            self._keys.check(headers)
            if request.method != "POST":
                return self._looked_up(places[0], request)
            with self._service.admitted():
                body = wire.parsed(await self._body(request))
                place = self._router.choose(places, path, headers, body)
                problem_of = _speaking(place, entry)
                return await self._ranking(place, body, deadline, request)
        except ClientLeftError:
            raise
        except RerankError as error:
            entry.error = type(error).__name__
            return answer(_with_headers(problem_of(error, headers), error))
        except RecursionError:
            entry.error = "RecursionError"
            nested = BodyError("syntax", "", "the body is nested too deeply")
            return answer(problem_of(nested, headers))
        except Exception as error:  # noqa: BLE001  (a caller is told nothing of it, and the log no caller's data)
            return answer(problem_of(EngineError(_unexpected(error, entry)), headers))

    def _looked_up(self, place: Place, request: Request) -> Response:
        assert isinstance(place.action, Lookup)  # noqa: S101  (the router gives no other for a GET)
        parameters = dict(request.query_params)
        return json_response(place.action.answer(self._service.catalogue, place.name, parameters))

    async def _ranking(
        self, place: Place, body: dict[str, Any], deadline: float, request: Request
    ) -> Response:
        assert not isinstance(place.action, Lookup)  # noqa: S101  (nor for a POST)
        wanted = wire.checked(place.action.request, body)
        asked = place.action.read(wanted, request.headers)
        result = await self._ranked(asked, deadline, request)
        return json_response(place.action.write(wanted, result, request.headers))

    async def _ranked(self, asked: Asked, deadline: float, request: Request) -> RerankResult:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise DeadlineExceededError("The time of the request was up before its body was here.")
        result = await unless_client_leaves(self._service.rank(asked, left), request.receive)
        entry = entry_of(request.scope)
        entry.model = result.model
        entry.documents = len(asked.documents)
        entry.tokens = result.usage.total_tokens
        return result

    async def _body(self, request: Request) -> bytes:
        settings = self._service.settings
        return await read_body(
            request.receive, request.headers, settings.max_body_bytes, settings.read_timeout
        )

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._service.settings.timeout


def _speaking(place: Place, entry: Entry) -> Any:
    """Answer in the dialect of a place from now on."""
    entry.dialect = place.dialect.name
    paths = (place.action.path,) if isinstance(place.action, Lookup) else place.action.paths
    entry.path = paths[0]
    return place.dialect.problem


def _unexpected(error: Exception, entry: Entry) -> str:
    """Log where an error came from, without its message, and give what a caller is told of it."""
    entry.error = type(error).__name__
    frames = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("%s in request %s\n%s", entry.error, entry.request_id, frames)
    return "Internal server error."


def neutral(error: RerankError, _: Headers) -> Problem:
    """Give an error where no dialect is known yet, so that each of their clients finds its message.

    There is no "error" in it, at which Voyage's client stumbles.
    """
    told = {"status": error.status, "code": error.code, "message": str(error)}
    return Problem(error.status, {**told, "detail": str(error)})


def _with_headers(problem: Problem, error: RerankError) -> Problem:
    """Add what HTTP itself asks for."""
    headers = dict(problem.headers)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(retry_after)))
    if isinstance(error, MethodNotAllowedError):
        headers["allow"] = ", ".join(error.allowed)
    if isinstance(error, UnauthenticatedError):
        headers["www-authenticate"] = "Bearer"
    if isinstance(
        error, (SlowRequestError, TooLargeError)
    ):  # there is more of it that nobody reads
        headers["connection"] = "close"
    return Problem(problem.status, problem.body, headers)


def answer(problem: Problem) -> Response:
    if isinstance(problem.body, str):
        return Response(
            problem.body, problem.status, dict(problem.headers), "text/plain; charset=utf-8"
        )
    return json_response(problem.body, problem.status, dict(problem.headers))


def json_response(reply: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(wire.encoded(reply), status, headers, "application/json")
