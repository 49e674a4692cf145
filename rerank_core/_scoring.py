"""From the documents of a call to the logit of each pair."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core import _core
from rerank_core._events import CALLS, emit
from rerank_core._loading import UNLIMITED
from rerank_core.errors import (
    DeadlineExceededError,
    EngineError,
    InvalidArgumentError,
    RerankError,
    ResourceExhaustedError,
)
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

_LEAST_WARM = 16  # tokens of a row: below it a batch costs next to nothing, cold or warm


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
        self._info = loaded.info

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
            row_tokens=self._info.max_length, truncate=checked_truncate(truncate), **limits
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
        start = time.perf_counter()
        try:
            scored = self._run(call, queries, documents, limits, query_of, name_of_query)
        except RerankError as error:
            emit(
                CALLS,
                _level(error, call),
                "cancelled" if call.cancelled else "failed",
                pairs=len(documents),
                code=error.code,
                error=type(error).__name__,
                seconds=time.perf_counter() - start,
            )
            raise
        if CALLS.isEnabledFor(logging.DEBUG):
            emit(
                CALLS,
                logging.DEBUG,
                "scored",
                pairs=len(scored.logits),
                tokens=int(scored.tokens_run.sum()),
                truncated=int(scored.truncated.sum()),
                seconds=time.perf_counter() - start,
            )
        return scored

    def warm_up(self, call: _core.Call) -> None:
        """Run batches of all sizes, as many of each as there are workers."""
        info = self._info
        lengths = [info.max_length]
        while lengths[-1] > _LEAST_WARM:
            lengths.append(lengths[-1] // 2)
        special = self._tokenizer.layout.num_special + 1  # and a query of one token
        tokens = [
            length - special
            for length in lengths
            for _ in range(
                info.threads
                * min(max(info.token_budget // length, 1), info.max_batch_rows or UNLIMITED)
            )
        ]
        ids = np.random.default_rng(0).integers(
            0, self._tokenizer.largest_id, sum(tokens), np.int32, endpoint=True
        )
        self._engine.check(call)
        self._engine.run(
            np.zeros(1, np.int32),
            np.array([0, 1], np.int64),
            ids,
            np.cumsum([0, *tokens], dtype=np.int64),
            np.zeros(len(tokens), np.int64),
            _core.PairLimits(row_tokens=info.max_length),
            call,
        )

    def _run(
        self,
        call: _core.Call,
        queries: list[str],
        documents: list[str] | Encoded,
        limits: _core.PairLimits,
        query_of: NDArray[np.int64] | None,
        name_of_query: Callable[[int], str],
    ) -> PairLogits:
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


def _level(error: RerankError, call: _core.Call) -> int:
    """Tell who has to know: of a broken model, of a service that is too slow, or of a bad request."""
    if call.cancelled:
        return logging.INFO
    if isinstance(error, EngineError):
        return logging.ERROR
    if isinstance(error, (DeadlineExceededError, ResourceExhaustedError)):
        return logging.WARNING
    return logging.INFO
