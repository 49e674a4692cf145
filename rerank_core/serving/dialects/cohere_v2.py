"""Cohere, version 2: POST /v2/rerank. Documents are strings, and are never sent back."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from rerank_core.serving.dialects.cohere_v1 import Meter, check_texts, cohere_problem, from_cohere
from rerank_core.serving.dialects.common import Score, scores
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation

if TYPE_CHECKING:
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["COHERE_V2", "RERANK"]


class RerankRequest(Struct, forbid_unknown_fields=True):
    model: str
    query: str
    documents: list[str]
    top_n: int | None = None
    max_tokens_per_doc: Annotated[int, Meta(ge=1)] | None = None
    priority: Annotated[int, Meta(ge=0, le=999)] | None = 0
    return_documents: bool | None = None  # litellm sends it; there is no such field any more


class RerankReply(Struct):
    id: str
    results: list[Score]
    meta: Meter


def _read(request: RerankRequest, _: Headers) -> Asked:
    check_texts(request.query, request.documents, request.top_n)
    tokens = request.max_tokens_per_doc
    return Asked(
        model=request.model,
        query=request.query,
        documents=list(request.documents),
        top_n=request.top_n,
        parameters={} if tokens is None else {"max_tokens_per_doc": tokens},
        priority=-(request.priority or 0),  # lower ones go first there
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    return RerankReply(
        id=str(uuid.uuid4()),
        results=scores(result),
        meta=Meter.of("2", request.documents),
    )


RERANK = Operation(("/v2/rerank",), RerankRequest, RerankReply, _read, _write)

COHERE_V2 = Dialect(
    name="cohere-v2",
    title="Cohere v2",
    operations=(RERANK,),
    problem=cohere_problem,
    recognises=from_cohere,
)
