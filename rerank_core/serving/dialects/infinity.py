"""Infinity: POST /rerank, GET /models. Its server is FastAPI."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from rerank_core.errors import FailedPreconditionError, NotFoundError
from rerank_core.serving.dialects.common import Hit, hits
from rerank_core.serving.dialects.dialect import Asked, Dialect, Lookup, Operation, Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Catalogue, Headers

__all__ = ["INFINITY"]

_Text = Annotated[str, Meta(max_length=122_880)]


class RerankRequest(Struct):
    query: _Text
    documents: Annotated[list[_Text], Meta(min_length=1, max_length=2048)]
    model: str | None = None
    return_documents: bool = False
    raw_scores: bool = False
    top_n: Annotated[int, Meta(ge=1)] | None = None


class Usage(Struct):
    prompt_tokens: int
    total_tokens: int


class RerankReply(Struct):
    object: str
    results: list[Hit[str]]
    model: str
    usage: Usage
    id: str
    created: int


class ModelInfo(Struct):
    id: str
    object: str
    owned_by: str
    created: int
    backend: str
    capabilities: list[str]


class ModelList(Struct):
    data: list[ModelInfo]
    object: str


def _read(request: RerankRequest, _: Headers) -> Asked:
    return Asked(
        model=request.model,
        query=request.query,
        documents=list(request.documents),
        top_n=request.top_n,
        raw_scores=request.raw_scores,
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    tokens = result.usage.total_tokens
    return RerankReply(
        object="rerank",
        results=hits(result, request.documents if request.return_documents else None),
        model=result.model,
        usage=Usage(tokens, tokens),
        id=f"infinity-{uuid.uuid4()}",
        created=int(time.time()),
    )


def _models(catalogue: Catalogue, _: str, __: Mapping[str, str]) -> ModelList:
    now = int(time.time())
    return ModelList(
        [
            ModelInfo(name, "model", "infinity", now, "rerank-core", ["rerank"])
            for name in catalogue.rerankers
        ],
        "list",
    )


def _problem(error: RerankError, _: Headers) -> Problem:
    if isinstance(error, BodyError):  # FastAPI's own word
        kind = {"syntax": "json_invalid", "value": "value_error"}.get(error.kind, error.kind)
        where = ["body", *error.field.split(".")] if error.field else ["body"]
        return Problem(422, {"detail": [{"type": kind, "loc": where, "msg": str(error)}]})
    unservable = isinstance(error, (NotFoundError, FailedPreconditionError))
    status = 400 if unservable else error.status
    return Problem(
        status,
        {"error": {"message": str(error), "type": None, "param": None, "code": status}},
    )


INFINITY = Dialect(
    name="infinity",
    title="Infinity",
    operations=(Operation(("/rerank",), RerankRequest, RerankReply, _read, _write),),
    lookups=(Lookup("/models", ModelList, _models),),
    problem=_problem,
)
