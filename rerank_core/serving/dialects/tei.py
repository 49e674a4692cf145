"""Text Embeddings Inference: POST /rerank with texts, GET /info. Its server is axum, as Pinecone's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET, Struct, UnsetType

import rerank_core
from rerank_core.errors import (
    DeadlineExceededError,
    EngineError,
    InvalidArgumentError,
    ResourceExhaustedError,
    TokenLimitError,
)
from rerank_core.serving.dialects.common import axum_rejection
from rerank_core.serving.dialects.dialect import Asked, Dialect, Lookup, Operation, Problem
from rerank_core.serving.refusals import DocumentLimitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Catalogue, Headers

__all__ = ["TEI"]


class RerankRequest(Struct):
    query: str
    texts: list[str]
    truncate: bool | None = None
    truncation_direction: Literal["right", "Right", "left", "Left"] = "right"
    raw_scores: bool = False
    return_text: bool = False


class Rank(Struct):
    index: int
    score: float
    text: str | UnsetType = UNSET


class Info(Struct):
    model_id: str
    model_sha: str | None
    model_dtype: str
    model_type: dict[str, Any]
    max_concurrent_requests: int
    max_input_length: int
    max_client_batch_size: int
    auto_truncate: bool
    version: str


def _read(request: RerankRequest, _: Headers) -> Asked:
    if not request.texts:
        raise InvalidArgumentError("`texts` cannot be empty")
    if request.truncation_direction.lower() == "left":
        raise InvalidArgumentError(
            "`truncation_direction` must be 'right': texts are cut at their end here"
        )
    return Asked(
        model=None,
        query=request.query,
        documents=list(request.texts),
        truncate="NONE" if request.truncate is False else "END",
        raw_scores=request.raw_scores,
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> list[Rank]:
    return [
        Rank(hit.index, hit.score, request.texts[hit.index] if request.return_text else UNSET)
        for hit in result.data
    ]


def _info(catalogue: Catalogue, _name: str, _parameters: Mapping[str, str]) -> Info:
    name = catalogue.default_model
    labels: dict[str, Any] = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    return Info(
        model_id=name,
        model_sha=None,
        model_dtype=catalogue.rerankers[name].info.precision,
        model_type={"reranker": labels},
        max_concurrent_requests=catalogue.max_concurrent,
        max_input_length=catalogue.rerankers[name].info.max_length,
        max_client_batch_size=catalogue.max_documents,
        auto_truncate=True,
        version=rerank_core.__version__,
    )


def _problem(error: RerankError, _: Headers) -> Problem:
    if rejected := axum_rejection(error):
        return rejected
    status, message, kind = error.status, str(error), "Validation"
    if isinstance(error, DocumentLimitError):
        status = 413
        message = f"batch size {error.count} > maximum allowed batch size {error.limit}"
    elif isinstance(error, TokenLimitError):
        status = 413
        _index, tokens, limit = max(error.offenders, key=lambda offender: offender[1])
        message = (
            f"Input validation error: `inputs` must have less than {limit} tokens. Given: {tokens}"
        )
    elif isinstance(error, (ResourceExhaustedError, DeadlineExceededError)):
        message, kind = "Model is overloaded", "Overloaded"
    elif isinstance(error, EngineError):
        status, kind = 424, "Backend"
    return Problem(status, {"error": message, "error_type": kind})


def _recognises(_: Headers, body: Mapping[str, Any]) -> bool:
    return "texts" in body


TEI = Dialect(
    name="tei",
    title="Text Embeddings Inference",
    operations=(Operation(("/rerank",), RerankRequest, list[Rank], _read, _write),),
    lookups=(Lookup("/info", Info, _info),),
    problem=_problem,
    recognises=_recognises,
    only_marked=True,
)
