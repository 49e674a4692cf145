"""From the documents of a call to the logit of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core import _core
from rerank_core._loading import UNLIMITED
from rerank_core.errors import InvalidArgumentError
from rerank_core.request import (
    TextOf,
    checked_documents,
    checked_positive,
    checked_rank_fields,
    checked_truncate,
    texts_of,
)
from rerank_core.tokenizer import Encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rerank_core._loading import Loaded

__all__ = ["Documents", "PairLogits", "PairScorer"]


@dataclass(frozen=True)
class Documents:
    """What a call ranks: the caller's objects, and their texts or ids."""

    objects: list[Any]
    content: list[str] | Encoded

    def __len__(self) -> int:
        return len(self.objects)


@dataclass(frozen=True)
class PairLogits:
    """What came back for the pairs of one call, in input order."""

    logits: NDArray[np.float32]
    tokens_run: NDArray[np.int64]
    truncated: NDArray[np.bool_]


class PairScorer:
    """What all calls of a reranker do alike: documents and limits are checked, pairs are scored."""

    def __init__(self, loaded: Loaded) -> None:
        self._engine = loaded.engine
        self._tokenizer = loaded.tokenizer
        self._max_length = loaded.info.max_length

    def documents(
        self, documents: Any, rank_fields: Sequence[str], text_of: TextOf | None
    ) -> Documents:
        """Check the documents of a call."""
        fields = checked_rank_fields(rank_fields)
        if not isinstance(documents, Encoded):
            objects = checked_documents(documents)
            return Documents(objects, texts_of(objects, fields, text_of))
        if text_of is not None:
            raise InvalidArgumentError("text_of has no use for documents that are encoded")
        self._tokenizer.check(documents)
        return Documents([None] * len(documents), documents)

    def limits(
        self,
        truncate: str,
        max_pair_tokens: int | None,
        max_tokens_per_doc: int | None,
        max_chunks_per_doc: int | None,
    ) -> _core.PairLimits:
        """Check what a call says of lengths, and put it as the core names it."""
        limits = {}
        for name, argument, value in (
            ("pair_tokens", "max_pair_tokens", max_pair_tokens),
            ("doc_tokens", "max_tokens_per_doc", max_tokens_per_doc),
            ("max_chunks", "max_chunks_per_doc", max_chunks_per_doc),
        ):
            if value is not None:
                limits[name] = min(checked_positive(argument, value), UNLIMITED)
        least = self._tokenizer.layout.num_special + 1
        if limits.get("pair_tokens", least) < least:
            raise InvalidArgumentError(
                f"max_pair_tokens must be at least {least}, got {max_pair_tokens}"
            )
        return _core.PairLimits(
            row_tokens=self._max_length, truncate=checked_truncate(truncate), **limits
        )

    def score(
        self,
        call: _core.Call,
        queries: list[str],
        documents: list[str] | Encoded,
        limits: _core.PairLimits,
        query_of: NDArray[np.int64] | None = None,
        name_of_query: Callable[[int], str] = lambda _: "query",
    ) -> PairLogits:
        """Tokenize what is text, and score document i for ``queries[query_of[i]]``.

        Args:
            call: For whom.
            queries: Distinct texts.
            documents: Texts, or what encode_documents made of them.
            limits: See `limits`.
            query_of: None takes the first query for all.
            name_of_query: What an error calls the query at an index.
        """
        self._engine.check(call)  # before the tokenizer, which does not expect a fork either
        self._engine.check_room()  # and before it does work that will be refused
        asked = self._tokenizer.cut(queries, engine=self._engine, call=call, name_of=name_of_query)
        if not isinstance(documents, Encoded):
            shortest = int(np.diff(asked.offsets).min(initial=UNLIMITED))
            room = _core.document_room(self._tokenizer.layout, shortest, limits)
            documents = self._tokenizer.cut(documents, room, engine=self._engine, call=call)
        if query_of is None:
            query_of = np.zeros(len(documents), np.int64)
        return PairLogits(
            *self._engine.run(
                asked.ids,
                asked.offsets,
                documents.ids,
                documents.offsets,
                query_of,
                limits,
                call,
            )
        )
