"""Jina: POST /v1/rerank. Its server is FastAPI."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from rerank_core.serving.dialects.common import Hit, TextDocument, hits
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation, Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["JINA"]


class RerankRequest(Struct):
    model: str
    query: str
    documents: list[str | TextDocument]
    top_n: int | None = None
    return_documents: bool | None = False


class Usage(Struct):
    total_tokens: int


class RerankReply(Struct):
    model: str
    object: str
    usage: Usage
    results: list[Hit[TextDocument]]


def _texts(request: RerankRequest) -> list[str]:
    return [
        document if isinstance(document, str) else document.text for document in request.documents
    ]


def _read(request: RerankRequest, _: Headers) -> Asked:
    return Asked(request.model, request.query, _texts(request), request.top_n)


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    documents = [TextDocument(text) for text in _texts(request)]
    return RerankReply(
        model=result.model,
        object="list",
        usage=Usage(result.usage.total_tokens),
        results=hits(result, documents if request.return_documents else None),
    )


def _problem(error: RerankError, _: Headers) -> Problem:
    status = 422 if isinstance(error, BodyError) else error.status
    return Problem(status, {"detail": f"[RID: {uuid.uuid4().hex}] {error}"})


def _recognises(_: Headers, body: Mapping[str, Any]) -> bool:
    return str(body.get("model", "")).startswith("jina-")


JINA = Dialect(
    name="jina",
    title="Jina",
    operations=(Operation(("/v1/rerank",), RerankRequest, RerankReply, _read, _write),),
    problem=_problem,
    recognises=_recognises,
)
