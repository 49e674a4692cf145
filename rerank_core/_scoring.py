"""From the documents of a call to the logit of each pair."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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

    from rerank_core._event_loop import Mailbox
    from rerank_core._loading import Loaded
    from rerank_core.tokenizer import Tokenizer

__all__ = ["Documents", "PairLogits", "PairScorer", "Scoring"]

_SHORT = 1 << 14  # characters, or ids: tokenized within a millisecond
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

    def scoring(
        self,
        call: _core.Call,
        queries: list[str],
        documents: list[str] | Encoded,
        limits: _core.PairLimits,
        query_of: NDArray[np.int64] | None = None,
        name_of_query: Callable[[int], str] = lambda _: "query",
    ) -> Scoring:
        """Say what to score: document i for ``queries[query_of[i]]``.

        Args:
            call: For whom.
            queries: Distinct texts.
            documents: Texts, or what encode_documents made of them.
            limits: See `limits`.
            query_of: None takes the first query for all.
            name_of_query: What an error calls the query at an index.
        """
        if query_of is None:
            query_of = np.zeros(len(documents), np.int64)
        return Scoring(
            self._engine, self._tokenizer, call, queries, documents, limits, query_of, name_of_query
        )

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


# Ids and offsets of queries, of documents, and query_of.
_Pairs: TypeAlias = tuple[
    NDArray[np.int32], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]
]


@dataclass(frozen=True)
class Scoring:
    """What a call wants scored."""

    engine: _core.Engine
    tokenizer: Tokenizer
    call: _core.Call
    queries: list[str]
    documents: list[str] | Encoded
    limits: _core.PairLimits
    query_of: NDArray[np.int64]
    name_of_query: Callable[[int], str]

    @property
    def is_short(self) -> bool:
        """Whether tokenizing takes no longer than what an event loop may be kept waiting for."""
        query = sum(map(len, self.queries))
        if isinstance(self.documents, Encoded):
            return query + len(self.documents.ids) <= _SHORT
        return self.tokenizer.native and query + sum(map(len, self.documents)) <= _SHORT

    def run(self) -> PairLogits:
        """Tokenize what is text, run the pairs, and wait for them."""
        with _Told(self) as told:
            return told.scored(self.engine.run(*self._encoded(self.engine), self.limits, self.call))

    async def run_for(self, mailbox: Mailbox) -> PairLogits:
        """Tokenize what is text, here and now, and let an event loop wait for the pairs."""
        with _Told(self) as told:
            pairs = self._encoded(None)

            def submit(completions: _core.Completions, ticket: int) -> _core.Pending:
                return _core.Pending(
                    self.engine, *pairs, self.limits, self.call, completions, ticket
                )

            return told.scored((await mailbox.done(submit, self.call)).result())

    def _encoded(self, engine: _core.Engine | None) -> _Pairs:
        """Give the ids of queries and documents as the engine takes them; on its workers, if it is given."""
        self.engine.check(self.call)  # before the tokenizer, which does not expect a fork either
        self.engine.check_room()  # and before it does work that will be refused
        cut = partial(self.tokenizer.cut, engine=engine, call=self.call)
        asked = cut(self.queries, name_of=self.name_of_query)
        documents = self.documents
        if not isinstance(documents, Encoded):
            shortest = int(np.diff(asked.offsets).min(initial=UNLIMITED))
            room = _core.document_room(self.tokenizer.layout, shortest, self.limits)
            documents = cut(documents, room)
        return asked.ids, asked.offsets, documents.ids, documents.offsets, self.query_of


class _Told:
    """Logs how the scoring ends of which it is the context."""

    def __init__(self, scoring: Scoring) -> None:
        self._call = scoring.call
        self._pairs = len(scoring.documents)
        self._start = time.perf_counter()

    def __enter__(self) -> _Told:
        return self

    def scored(self, found: tuple[NDArray[Any], ...]) -> PairLogits:
        scored = PairLogits(*found)
        if CALLS.isEnabledFor(logging.DEBUG):
            self._emit(
                logging.DEBUG,
                "scored",
                tokens=int(scored.tokens_run.sum()),
                truncated=int(scored.truncated.sum()),
            )
        return scored

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if error is not None and self._call.cancelled:  # to an event loop it is another error
            code = EngineError.code
            self._emit(logging.INFO, "cancelled", code=code, error=EngineError.__name__)
        elif isinstance(error, RerankError):
            self._emit(_level(error), "failed", code=error.code, error=type(error).__name__)

    def _emit(self, level: int, event: str, **details: Any) -> None:
        seconds = time.perf_counter() - self._start
        emit(CALLS, level, event, pairs=self._pairs, **details, seconds=seconds)


def _level(error: RerankError) -> int:
    """Tell who has to know: of a broken model, of a service that is too slow, or of a bad request."""
    if isinstance(error, EngineError):
        return logging.ERROR
    if isinstance(error, (DeadlineExceededError, ResourceExhaustedError)):
        return logging.WARNING
    return logging.INFO
