"""What several dialects share: results, documents with a text, and the words of axum's refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from rerank_core.errors import UnknownParameterError
from rerank_core.serving.dialects.dialect import Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rerank_core.errors import RerankError
    from rerank_core.results import RerankResult

__all__ = ["Hit", "Score", "TextDocument", "axum_rejection", "hits", "scores", "text_document"]

_Document = TypeVar("_Document")


class Score(Struct):
    index: int
    relevance_score: float


class Hit(Struct, Generic[_Document]):
    index: int
    relevance_score: float
    document: _Document | UnsetType = UNSET


def scores(result: RerankResult) -> list[Score]:
    """Give the results of an API that never sends documents back."""
    return [Score(hit.index, hit.score) for hit in result.data]


def hits(result: RerankResult, documents: Sequence[_Document] | None) -> list[Hit[_Document]]:
    """Give the results with these documents, or without them."""
    return [
        Hit(hit.index, hit.score, UNSET if documents is None else documents[hit.index])
        for hit in result.data
    ]


class TextDocument(Struct):
    text: str


def text_document(document: str | dict[str, Any]) -> dict[str, Any]:
    """Give a document as an object, which a string is the text of."""
    return {"text": document} if isinstance(document, str) else document


def axum_rejection(error: RerankError) -> Problem | None:
    """Give the plain text with which axum refuses a body, or None where it is not the body's fault.

    Pinecone's server and Text Embeddings Inference are built on it, and read JSON with serde.
    """
    if isinstance(error, BodyError) and error.kind == "syntax":
        return Problem(400, f"Failed to parse the request body as JSON: {error}")
    if isinstance(error, (BodyError, UnknownParameterError)):
        text = f"Failed to deserialize the JSON body into the target type: {error}"
        return Problem(422, text)
    return None
