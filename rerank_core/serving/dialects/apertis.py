"""Apertis: POST /v1/rerank, with the three fields that it documents and the two that it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from rerank_core.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from rerank_core.serving.dialects.common import Score, scores
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation, Problem

if TYPE_CHECKING:
    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["APERTIS"]


class RerankRequest(Struct, forbid_unknown_fields=True):
    model: str
    query: str
    documents: list[str]


class RerankReply(Struct):
    results: list[Score]


def _read(request: RerankRequest, _: Headers) -> Asked:
    return Asked(request.model, request.query, list(request.documents))


def _write(_: RerankRequest, result: RerankResult, __: Headers) -> RerankReply:
    return RerankReply(scores(result))


def _problem(error: RerankError, _: Headers) -> Problem:
    """Give an error with a status that Apertis documents, in the shape of OpenAI's, as it documents none."""
    status = error.status
    if isinstance(error, InvalidArgumentError):
        status = 400
    elif isinstance(error, (NotFoundError, FailedPreconditionError)):
        status = 503  # "Model not available"
    return Problem(status, {"error": {"message": str(error), "type": error.code.lower()}})


APERTIS = Dialect(
    name="apertis",
    title="Apertis",
    operations=(Operation(("/v1/rerank",), RerankRequest, RerankReply, _read, _write),),
    problem=_problem,
)
