"""Cohere, version 1: POST /v1/rerank."""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from rerank_core.errors import InvalidArgumentError, RerankError
from rerank_core.serving.dialects.common import Hit, hits, text_document
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation, Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["COHERE_V1", "Meter", "check_texts", "cohere_problem", "from_cohere"]

_DOCUMENTS_PER_UNIT = 100  # a search unit is a query with up to so many documents
_MAX_CHUNKS = 10_000


class RerankRequest(Struct, forbid_unknown_fields=True):
    query: str
    documents: list[str | dict[str, Any]]
    model: str | None = None
    top_n: int | None = None
    rank_fields: list[str] | None = None
    return_documents: bool | None = False
    max_chunks_per_doc: Annotated[int, Meta(ge=1)] | None = None


class BilledUnits(Struct):
    search_units: int


class ApiVersion(Struct):
    version: str


class Meter(Struct):
    api_version: ApiVersion
    billed_units: BilledUnits

    @classmethod
    def of(cls, version: str, documents: Sequence[Any]) -> Meter:
        """Say what a request cost."""
        units = math.ceil(len(documents) / _DOCUMENTS_PER_UNIT)
        return cls(ApiVersion(version), BilledUnits(units))


class RerankReply(Struct):
    id: str
    results: list[Hit[dict[str, Any]]]
    meta: Meter


def check_texts(query: str, documents: Sequence[Any], top_n: int | None) -> None:
    """Refuse what Cohere refuses, in its words.

    More than there are documents is taken for all of them, as Cohere has not always done.
    """
    if not query.strip():
        raise InvalidArgumentError("invalid request: query must not be empty or be only whitespace")
    if not documents:
        raise InvalidArgumentError("invalid request: list of documents must not be empty")
    for index, document in enumerate(documents):
        if not document:
            raise InvalidArgumentError(
                f"invalid request: document at index {index} cannot be empty"
            )
    if top_n is not None and top_n < 1:
        raise InvalidArgumentError(
            "invalid request: return_top_n is invalid, value must be between 1 and "
            f"{len(documents)}"
        )


def _read(request: RerankRequest, _: Headers) -> Asked:
    check_texts(request.query, request.documents, request.top_n)
    if request.rank_fields is not None and not request.rank_fields:
        raise InvalidArgumentError(
            "invalid request: rank_fields cannot be empty, it must either contain at least one field "
            "or be omitted"
        )
    chunks = request.max_chunks_per_doc
    if chunks is not None and len(request.documents) * chunks >= _MAX_CHUNKS:
        raise InvalidArgumentError(
            "invalid request: number of total max chunks (number of documents * max chunks per doc) must "
            f"be less than {_MAX_CHUNKS}"
        )
    fields = request.rank_fields or ["text"]
    return Asked(
        model=request.model,
        query=request.query,
        documents=[
            # A string has only a text; whatever is ranked by, it is that.
            dict.fromkeys(fields[:1], document) | dict.fromkeys(fields[1:], "")
            if isinstance(document, str) and fields != ["text"]
            else document
            for document in request.documents
        ],
        top_n=request.top_n,
        rank_fields=fields,
        parameters={} if chunks is None else {"max_chunks_per_doc": chunks},
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    documents = [text_document(document) for document in request.documents]
    return RerankReply(
        id=str(uuid.uuid4()),
        results=hits(result, documents if request.return_documents else None),
        meta=Meter.of("1", request.documents),
    )


def cohere_problem(error: RerankError, _: Headers) -> Problem:
    """Give an error as Cohere does: a message, and 422 for fields that cannot be."""
    status, message = error.status, str(error)
    if isinstance(error, BodyError):
        status = 422 if error.kind in ("unknown", "value") else 400
        if error.kind == "unknown":
            message = f"unknown field: parameter '{error.field}' is not a valid field"
        elif error.field == "model":
            message = "a model parameter is required for this endpoint."
        else:
            message = f"invalid request: {message}"
    return Problem(status, {"id": str(uuid.uuid4()), "message": message})


def from_cohere(headers: Headers, _: Mapping[str, Any]) -> bool:
    """Tell whether Cohere's own client sent it."""
    return "cohere" in headers.get("x-fern-sdk-name", "")


COHERE_V1 = Dialect(
    name="cohere-v1",
    title="Cohere v1",
    operations=(Operation(("/v1/rerank",), RerankRequest, RerankReply, _read, _write),),
    problem=cohere_problem,
    recognises=from_cohere,
)
