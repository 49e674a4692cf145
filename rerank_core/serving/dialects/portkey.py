"""Portkey's unified rerank: POST /v1/rerank with x-portkey-* headers. This server is the provider."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from rerank_core.serving.dialects.common import Hit, hits, text_document
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation, Problem
from rerank_core.serving.refusals import BodyError, UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["PORTKEY"]

_MAX_PRIORITY = 1000


class RerankRequest(Struct):
    model: str
    query: str
    documents: Annotated[list[str | dict[str, Any]], Meta(min_length=1)]
    top_n: Annotated[int, Meta(ge=1)] | None = None
    return_documents: bool | None = False
    max_tokens_per_doc: Annotated[int, Meta(ge=1)] | None = None
    priority: Annotated[float, Meta(ge=-_MAX_PRIORITY, le=_MAX_PRIORITY)] | None = None
    rank_fields: list[str] | None = None
    truncation: bool | None = None
    parameters: dict[str, Any] | None = None


class Usage(Struct):
    search_units: int


class RerankReply(Struct):
    id: str
    object: str
    results: list[Hit[dict[str, Any]]]
    model: str
    usage: Usage
    provider: str


def _read(request: RerankRequest, headers: Headers) -> Asked:
    parameters = dict(request.parameters or {})
    if request.max_tokens_per_doc is not None:
        parameters["max_tokens_per_doc"] = request.max_tokens_per_doc
    truncate = {True: "END", False: "NONE", None: None}[request.truncation]
    model = request.model
    if _provider(headers).startswith("azure"):
        model = model.removeprefix("cohere.")
    return Asked(
        model=model,
        query=request.query,
        documents=[text_document(document) for document in request.documents],
        top_n=request.top_n,
        rank_fields=["text"] if request.rank_fields is None else request.rank_fields,
        parameters=parameters,
        truncate=truncate,
        priority=-round(request.priority or 0),  # as Cohere's: lower ones go first
    )


def _write(request: RerankRequest, result: RerankResult, headers: Headers) -> RerankReply:
    documents = [text_document(document) for document in request.documents]
    return RerankReply(
        id=f"rerank-{uuid.uuid4().hex}",
        object="list",
        results=hits(result, documents if request.return_documents else None),
        model=result.model,
        usage=Usage(result.usage.rerank_units),
        provider=_provider(headers),
    )


def _provider(headers: Headers) -> str:
    """Give the provider that the request names, which this server stands for."""
    return headers.get("x-portkey-provider", "").lstrip("@") or "rerank-core"


def _problem(error: RerankError, headers: Headers) -> Problem:
    if isinstance(error, UnauthenticatedError):  # the gateway's own word, not a provider's
        return Problem(401, {"status": "failure", "message": str(error)})
    provider = _provider(headers)
    body = {
        "message": f"{provider} error: {error}",
        "type": None,
        "param": None,
        "code": error.code,
    }
    status = 400 if isinstance(error, BodyError) else error.status
    return Problem(status, {"error": body, "provider": provider})


def _recognises(headers: Headers, _: Mapping[str, Any]) -> bool:
    return any(name.startswith("x-portkey-") for name in headers)


PORTKEY = Dialect(
    name="portkey",
    title="Portkey",
    operations=(Operation(("/v1/rerank", "/rerank"), RerankRequest, RerankReply, _read, _write),),
    problem=_problem,
    recognises=_recognises,
    only_marked=True,
)
