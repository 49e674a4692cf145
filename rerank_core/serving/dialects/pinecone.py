"""Pinecone: POST /rerank, GET /models, GET /models/{name} (versions 2025-04 to 2026-07, which are alike here).

Shapes: its OpenAPI. The server is Rust's axum with serde: what JSON cannot be read as a request is told
in plain text, with 422, or 400 where it is no JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType

from rerank_core.errors import InvalidArgumentError
from rerank_core.serving.dialects.common import axum_rejection
from rerank_core.serving.dialects.dialect import Asked, Dialect, Lookup, Operation, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Catalogue, Headers

__all__ = ["PINECONE"]


class RerankRequest(Struct):
    model: str
    query: str
    documents: list[dict[str, Any]]
    top_n: int | None = None
    return_documents: bool | None = True
    rank_fields: list[str] | None = None
    parameters: dict[str, Any] | None = None


class RankedDocument(Struct):
    index: int
    score: float
    document: dict[str, Any] | UnsetType = UNSET


class Usage(Struct):
    rerank_units: int


class RerankReply(Struct):
    model: str
    data: list[RankedDocument]
    usage: Usage


class SupportedParameter(Struct):
    parameter: str
    type: str
    value_type: str
    required: bool
    default: int | str | UnsetType = UNSET
    allowed_values: list[str] | UnsetType = UNSET
    min: int | UnsetType = UNSET
    max: int | UnsetType = UNSET


class ModelInfo(Struct):
    model: str
    short_description: str
    type: str
    supported_parameters: list[SupportedParameter]
    modality: str
    max_sequence_length: int
    provider_name: str
    max_batch_size: int | UnsetType = UNSET


class ModelInfoList(Struct):
    models: list[ModelInfo]


def _read(request: RerankRequest, _: Headers) -> Asked:
    return Asked(
        model=request.model,
        query=request.query,
        documents=request.documents,
        top_n=request.top_n,
        rank_fields=["text"] if request.rank_fields is None else request.rank_fields,
        parameters=request.parameters or {},
        truncate=None,
    )


def _write(request: RerankRequest, result: RerankResult, _: Headers) -> RerankReply:
    echoed = request.return_documents is not False
    return RerankReply(
        model=result.model,
        data=[
            RankedDocument(hit.index, hit.score, request.documents[hit.index] if echoed else UNSET)
            for hit in result.data
        ],
        usage=Usage(rerank_units=result.usage.rerank_units),
    )


def _list_models(catalogue: Catalogue, _: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    kind, vector_type = parameters.get("type"), parameters.get("vector_type")
    if kind == "rerank" and vector_type is not None:
        raise InvalidArgumentError("vector_type parameter is not supported for rerank models")
    return catalogue.inference.list_models(kind, vector_type).to_dict()


def _get_model(catalogue: Catalogue, name: str, _: Mapping[str, str]) -> dict[str, Any]:
    return catalogue.inference.get_model(name).to_dict()


def _problem(error: RerankError, _: Headers) -> Problem:
    return axum_rejection(error) or Problem(error.status, error.to_dict())


def _recognises(headers: Headers, _: Mapping[str, Any]) -> bool:
    return "api-key" in headers or "x-pinecone-api-version" in headers


PINECONE = Dialect(
    name="pinecone",
    title="Pinecone",
    operations=(Operation(("/rerank",), RerankRequest, RerankReply, _read, _write),),
    lookups=(
        Lookup(
            "/models",
            ModelInfoList,
            _list_models,
            {"type": ("embed", "rerank"), "vector_type": ("dense", "sparse")},
        ),
        Lookup("/models/{name}", ModelInfo, _get_model),
    ),
    problem=_problem,
    recognises=_recognises,
)
