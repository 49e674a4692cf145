"""What decides the bytes of a job's output."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError
from rerank_core.request import (
    checked_bool,
    checked_positive,
    checked_rank_fields,
    checked_truncate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMPRESSIONS", "FORMATS", "Fields", "Settings"]

FORMATS = ("jsonl", "parquet", "arrow", "trec")
COMPRESSIONS = ("gz", "zst")


@dataclass(frozen=True)
class Fields:
    """What the fields of an input are called.

    Attributes:
        query: Text of the query.
        query_id: Its id, which comes back beside the scores.
        documents: List of documents, strings or mappings.
        document: A single document, where a row is a pair.
        candidates: List of ids of documents of the corpus.
        document_id: The id inside a document that is a mapping.
    """

    query: str = "query"
    query_id: str = "query_id"
    documents: str = "documents"
    document: str = "document"
    candidates: str = "candidates"
    document_id: str = "id"


@dataclass(frozen=True)
class Settings:
    """What decides the bytes of a job's output; see `rerank_core.jobs.run`."""

    input_format: str
    output_format: str
    compression: str | None = None
    top_n: int | None = None
    input_order: bool = False
    return_documents: bool = False
    rank_fields: Sequence[str] = ("text",)
    truncate: str = "END"
    max_pair_tokens: int | None = None
    max_tokens_per_doc: int | None = None
    max_chunks_per_doc: int | None = None
    raw_scores: bool | None = None
    tag: str = "rerank-core"
    part_pairs: int = 20_000
    fields: Fields = field(default_factory=Fields)

    def __post_init__(self) -> None:
        _check_one_of("input_format", self.input_format, FORMATS)
        _check_one_of("output_format", self.output_format, FORMATS)
        if self.compression is not None:
            _check_one_of("compression", self.compression, COMPRESSIONS)
        for name in (
            "top_n",
            "part_pairs",
            "max_pair_tokens",
            "max_tokens_per_doc",
            "max_chunks_per_doc",
        ):
            if getattr(self, name) is not None:
                checked_positive(name, getattr(self, name))
        for name in ("input_order", "return_documents"):
            checked_bool(name, getattr(self, name))
        if self.raw_scores is not None:
            checked_bool("raw_scores", self.raw_scores)
        checked_truncate(self.truncate)
        checked_rank_fields(self.rank_fields)
        if len(self.tag.split()) != 1:
            raise InvalidArgumentError(f"tag must be one word, got {self.tag!r}")
        for refused, reason in self._contradictions():
            if refused:
                raise InvalidArgumentError(reason)

    def _contradictions(self) -> list[tuple[bool, str]]:
        form = self.output_format
        return [
            (
                self.compression is not None and form in ("parquet", "arrow"),
                f"{form} is compressed inside; it has no use for compression",
            ),
            (
                self.input_order and self.top_n is not None,
                "input_order gives every score; it has no use for top_n",
            ),
            (
                self.input_order and form == "trec",
                "a run file is ordered by rank; it has no use for input_order",
            ),
            (self.return_documents and form != "jsonl", "return_documents is for JSON lines"),
        ]

    @property
    def scoring(self) -> dict[str, Any]:
        """Options that `Reranker` scores pairs with."""
        return {
            "truncate": self.truncate,
            "max_pair_tokens": self.max_pair_tokens,
            "max_tokens_per_doc": self.max_tokens_per_doc,
            "max_chunks_per_doc": self.max_chunks_per_doc,
        }

    @property
    def suffix(self) -> str:
        """What the name of a part ends in."""
        return f".{self.output_format}" + (f".{self.compression}" if self.compression else "")

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as JSON holds it."""
        return {**asdict(self), "rank_fields": list(self.rank_fields)}


def _check_one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InvalidArgumentError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
