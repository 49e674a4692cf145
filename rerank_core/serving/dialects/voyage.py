"""Voyage: POST /v1/rerank. Documents are strings, there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from rerank_core.errors import FailedPreconditionError, NotFoundError
from rerank_core.serving.dialects.common import Hit, hits
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation, Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["VOYAGE"]


class RerankRequest(Struct):
    query: str
    documents: list[str]
    model: str
    top_k: int | None = None
    return_documents: bool | None = False
    truncation: bool | None = True


class Usage(Struct):
    total_tokens: int


class RerankReply(Struct):
    object: str
    data: list[Hit[str]]
    model: str
    usage: Usage


def _read(request: RerankRequest, _: Headers) -> Asked:
    return Asked(
        model=request.model,
        query=request.query,
        documents=list(request.documents),
        top_n=request.top_k,
        truncate="NONE" if request.truncation is False else "END",
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    return RerankReply(
        object="list",
        data=hits(result, request.documents if request.return_documents else None),
        model=result.model,
        usage=Usage(result.usage.total_tokens),
    )


def _problem(error: RerankError, _: Headers) -> Problem:
    # Its clients know 400, 401, 422, 429, 500 and 502 to 504 only.
    unservable = isinstance(error, (NotFoundError, FailedPreconditionError))
    status = 400 if unservable or isinstance(error, BodyError) else error.status
    return Problem(status, {"detail": str(error).replace("top_n", "top_k")})


def _recognises(_: Headers, body: Mapping[str, Any]) -> bool:
    return ("top_k" in body or "truncation" in body) and "top_n" not in body


VOYAGE = Dialect(
    name="voyage",
    title="Voyage",
    operations=(Operation(("/v1/rerank", "/rerank"), RerankRequest, RerankReply, _read, _write),),
    problem=_problem,
    recognises=_recognises,
    only_marked=True,
)
