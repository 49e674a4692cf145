"""vLLM: POST /rerank, /v1/rerank, /v2/rerank and /score, /v1/score; GET /v1/models."""

from __future__ import annotations

import time
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta, Struct

from rerank_core.errors import InvalidArgumentError, TokenLimitError
from rerank_core.serving.dialects.dialect import Asked, Dialect, Lookup, Operation, Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Catalogue, Headers

__all__ = ["VLLM"]

_Tokens = Annotated[int, Meta(ge=-1)]


class _Options(Struct, kw_only=True):
    model: str | None = None
    truncate_prompt_tokens: _Tokens | None = None
    truncation_side: Literal["right", "left"] | None = None
    use_activation: bool | None = None
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    max_tokens_per_query: Annotated[int, Meta(ge=0)] = 0


class RerankRequest(_Options, kw_only=True):
    query: str
    documents: list[str]
    top_n: Annotated[int, Meta(ge=0)] | None = 0
    max_tokens_per_doc: Annotated[int, Meta(ge=0)] = 0


class ScoreRequest(_Options, kw_only=True):
    text_1: str | list[str]
    text_2: str | list[str]


class Usage(Struct):
    prompt_tokens: int
    total_tokens: int


class RerankDocument(Struct):
    text: str
    multi_modal: None = None


class RerankResultItem(Struct):
    index: int
    document: RerankDocument
    relevance_score: float


class RerankReply(Struct):
    id: str
    model: str
    usage: Usage
    results: list[RerankResultItem]


class ScoreData(Struct):
    index: int
    object: str
    score: float


class ScoreReply(Struct):
    id: str
    object: str
    created: int
    model: str
    data: list[ScoreData]
    usage: Usage


class ModelCard(Struct):
    id: str
    object: str
    created: int
    owned_by: str
    max_model_len: int


class ModelList(Struct):
    object: str
    data: list[ModelCard]


def _asked(request: _Options, query: str, documents: list[Any], **more: Any) -> Asked:
    if request.truncation_side == "left":
        raise InvalidArgumentError("truncation_side must be 'right': texts are cut at their end")
    if request.max_tokens_per_query:
        raise InvalidArgumentError("max_tokens_per_query must be 0: queries are not cut here")
    tokens = request.truncate_prompt_tokens
    return Asked(
        model=request.model,
        query=query,
        documents=documents,
        truncate="NONE" if tokens is None else "END",
        max_pair_tokens=tokens if tokens is not None and tokens > 0 else None,
        raw_scores=request.use_activation is False,
        priority=-request.priority,  # lower ones go first there
        **more,
    )


def _read(request: RerankRequest, _: Headers) -> Asked:
    tokens = request.max_tokens_per_doc
    return _asked(
        request,
        request.query,
        list(request.documents),
        top_n=request.top_n or None,
        parameters={"max_tokens_per_doc": tokens} if tokens else {},
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    return RerankReply(
        id=f"rerank-{uuid.uuid4().hex}",
        model=result.model,
        usage=_usage(result),
        results=[
            RerankResultItem(hit.index, RerankDocument(request.documents[hit.index]), hit.score)
            for hit in result.data
        ],
    )


def _read_score(request: ScoreRequest, _: Headers) -> Asked:
    queries = [request.text_1] if isinstance(request.text_1, str) else request.text_1
    if len(queries) != 1:
        raise InvalidArgumentError(
            f"text_1 must be one text, got {len(queries)}: send a request for each of them"
        )
    documents = [request.text_2] if isinstance(request.text_2, str) else request.text_2
    return _asked(request, queries[0], list(documents))


def _write_score(_: ScoreRequest, result: RerankResult, __: Headers) -> ScoreReply:
    return ScoreReply(
        id=f"score-{uuid.uuid4().hex}",
        object="list",
        created=int(time.time()),
        model=result.model,
        data=[
            ScoreData(hit.index, "score", hit.score)
            for hit in sorted(result.data, key=lambda hit: hit.index)
        ],
        usage=_usage(result),
    )


def _usage(result: RerankResult) -> Usage:
    return Usage(result.usage.total_tokens, result.usage.total_tokens)


def _models(catalogue: Catalogue, _: str, __: Mapping[str, str]) -> ModelList:
    now = int(time.time())
    cards = [
        ModelCard(name, "model", now, "rerank-core", reranker.info.max_length)
        for name, reranker in catalogue.rerankers.items()
    ]
    return ModelList("list", cards)


def _problem(error: RerankError, _: Headers) -> Problem:
    status = 400 if isinstance(error, BodyError) else error.status
    message = str(error)
    if isinstance(error, TokenLimitError):
        _index, tokens, limit = max(error.offenders, key=lambda offender: offender[1])
        message = (
            f"This model's maximum context length is {limit} tokens. However, your prompt contains "
            f"{tokens} input tokens. Please reduce the length of the input, or set "
            "truncate_prompt_tokens."
        )
    phrase = HTTPStatus(status).phrase.title().replace(" ", "")
    kind = phrase if phrase.endswith("Error") else f"{phrase}Error"
    field = error.field or None if isinstance(error, BodyError) else None
    body = {"message": message, "type": kind, "param": field, "code": status}
    return Problem(status, {"error": body})


VLLM = Dialect(
    name="vllm",
    title="vLLM",
    operations=(
        Operation(
            ("/rerank", "/v1/rerank", "/v2/rerank"), RerankRequest, RerankReply, _read, _write
        ),
        Operation(("/score", "/v1/score"), ScoreRequest, ScoreReply, _read_score, _write_score),
    ),
    lookups=(Lookup("/v1/models", ModelList, _models),),
    problem=_problem,
)
