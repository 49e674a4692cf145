"""Amazon Bedrock's agent runtime: POST /rerank, without its signing; a bearer key serves instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from rerank_core.errors import InvalidArgumentError
from rerank_core.serving.dialects.common import TextDocument
from rerank_core.serving.dialects.dialect import Asked, Dialect, Operation, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult
    from rerank_core.serving.dialects.dialect import Headers

__all__ = ["BEDROCK"]

# Names of the service's exceptions, by status; what is not here is an InternalServerException.
_EXCEPTIONS = {
    401: (403, "AccessDeniedException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    412: (404, "ResourceNotFoundException"),
    429: (429, "ThrottlingException"),
}
_CLIENT_ERRORS = range(400, 500)


class Query(Struct):
    type: Literal["TEXT"]
    textQuery: TextDocument  # noqa: N815  (Amazon's)


class InlineDocument(Struct):
    type: Literal["TEXT", "JSON"]
    textDocument: TextDocument | None = None  # noqa: N815
    jsonDocument: dict[str, Any] | None = None  # noqa: N815


class Source(Struct):
    type: Literal["INLINE"]
    inlineDocumentSource: InlineDocument  # noqa: N815


class ModelConfiguration(Struct):
    modelArn: str  # noqa: N815
    additionalModelRequestFields: dict[str, Any] | None = None  # noqa: N815


class BedrockConfiguration(Struct):
    modelConfiguration: ModelConfiguration  # noqa: N815
    numberOfResults: Annotated[int, Meta(ge=1, le=1000)] | None = None  # noqa: N815


class Configuration(Struct):
    type: Literal["BEDROCK_RERANKING_MODEL"]
    bedrockRerankingConfiguration: BedrockConfiguration  # noqa: N815


class RerankRequest(Struct):
    queries: Annotated[list[Query], Meta(min_length=1, max_length=1)]
    sources: Annotated[list[Source], Meta(min_length=1, max_length=1000)]
    rerankingConfiguration: Configuration  # noqa: N815
    nextToken: str | None = None  # noqa: N815


class RerankResultItem(Struct):
    index: int
    relevanceScore: float  # noqa: N815


class RerankReply(Struct):
    results: list[RerankResultItem]
    nextToken: str | UnsetType = UNSET  # noqa: N815  (never: all results come at once)


def _read(request: RerankRequest, _: Headers) -> Asked:
    told = request.rerankingConfiguration.bedrockRerankingConfiguration
    if told.numberOfResults is not None and told.numberOfResults > len(request.sources):
        raise InvalidArgumentError(
            "Cannot provide numberOfResults value that exceeds the number of sources."
        )
    if request.nextToken is not None:
        raise InvalidArgumentError("nextToken is not valid: all results come at once.")
    fields = dict(told.modelConfiguration.additionalModelRequestFields or {})
    rank_fields = fields.pop("rank_fields", ["text"])
    return Asked(
        model=told.modelConfiguration.modelArn.rsplit("/", 1)[-1],
        query=request.queries[0].textQuery.text,
        documents=[
            _document(source.inlineDocumentSource, index)
            for index, source in enumerate(request.sources)
        ],
        top_n=told.numberOfResults,
        rank_fields=rank_fields,
        parameters=fields,
    )


def _document(inline: InlineDocument, index: int) -> Any:
    found = inline.textDocument if inline.type == "TEXT" else inline.jsonDocument
    if found is None:
        name = f"{inline.type.lower()}Document"
        raise InvalidArgumentError(f"sources[{index}]: type {inline.type} needs {name}")
    return found.text if isinstance(found, TextDocument) else found


def _write(_: RerankRequest, result: RerankResult, __: Headers) -> RerankReply:
    return RerankReply([RerankResultItem(hit.index, hit.score) for hit in result.data])


def _problem(error: RerankError, _: Headers) -> Problem:
    status, kind = _EXCEPTIONS.get(error.status, (500, "InternalServerException"))
    if error.status not in _EXCEPTIONS and error.status in _CLIENT_ERRORS:
        status, kind = 400, "ValidationException"
    return Problem(status, {"message": str(error)}, {"x-amzn-errortype": kind})


def _recognises(headers: Headers, body: Mapping[str, Any]) -> bool:
    return "rerankingConfiguration" in body or "x-amz-date" in headers


BEDROCK = Dialect(
    name="bedrock",
    title="Amazon Bedrock",
    operations=(Operation(("/rerank",), RerankRequest, RerankReply, _read, _write),),
    problem=_problem,
    recognises=_recognises,
    only_marked=True,
)
