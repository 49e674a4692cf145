"""The ASGI application: the desk, and what whoever runs a server wants to see."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

import rerank_core
from rerank_core.serving import openapi
from rerank_core.serving.desk import Desk, answer, json_response, neutral
from rerank_core.serving.dialects import DIALECTS
from rerank_core.serving.journal import Journal, entry_of
from rerank_core.serving.metrics import Metrics
from rerank_core.serving.refusals import NoSuchPathError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from rerank_core.serving.keys import ApiKeys
    from rerank_core.serving.service import Service

__all__ = ["create_app"]


def create_app(service: Service, keys: ApiKeys) -> Starlette:
    """Give the ASGI application of a service, which whoever runs it must load.

    Args:
        service: The models.
        keys: Who may ask.

    Raises:
        InvalidArgumentError: The settings pin a dialect that there is not.
    """
    settings = service.settings
    metrics = Metrics(service)
    desk, office = Desk(service, keys), _Office(service, metrics)
    routes = [
        Route("/health", office.health),
        Route("/{dialect}/health", office.health),
        Route("/ready", office.ready),
        Route("/openapi.json", office.openapi),
        Route("/{dialect}/openapi.json", office.openapi),
    ]
    if settings.metrics:
        routes.append(Route("/metrics", office.metrics))
    if settings.page:
        routes.append(Route("/", desk.page, methods=["GET", "POST"]))
    routes.append(Route("/{path:path}", desk))

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        service.close()

    journal = Middleware(Journal, metrics=metrics, write_lines=settings.access_log)
    return Starlette(routes=routes, middleware=[journal], lifespan=lifespan)


class _Office:
    """Tells those who run the server how it does; nothing here is any caller's, so no key is asked for."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self._service = service
        self._metrics = metrics

    async def health(self, request: Request) -> Response:
        entry_of(request.scope).path = "/health"
        return json_response({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        entry_of(request.scope).path = "/ready"
        if self._service.ready:
            return json_response({"status": "ready", "models": list(self._service.rerankers)})
        return json_response({"status": "not ready"}, 503)

    async def metrics(self, request: Request) -> Response:
        entry_of(request.scope).path = "/metrics"
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def openapi(self, request: Request) -> Response:
        entry_of(request.scope).path = "/openapi.json"
        pinned = self._service.settings.dialect
        served = list(DIALECTS) if pinned is None else [pinned]
        name = request.path_params.get("dialect", pinned)
        if name is None:
            return json_response({"documents": {each: f"/{each}/openapi.json" for each in served}})
        if name not in served:
            return answer(neutral(NoSuchPathError("There is no such dialect here."), {}))
        return json_response(openapi.document(DIALECTS[name], rerank_core.__version__))
