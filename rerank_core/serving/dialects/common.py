"""What several dialects share: documents with a text, and the words of axum's refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from rerank_core.errors import UnknownParameterError
from rerank_core.serving.dialects.dialect import Problem
from rerank_core.serving.refusals import BodyError

if TYPE_CHECKING:
    from rerank_core.errors import RerankError

__all__ = ["TextDocument", "axum_rejection", "text_document"]


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
