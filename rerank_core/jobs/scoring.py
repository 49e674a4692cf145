"""A window of rows to logits: one call for all pairs, and the culprit found where it fails."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rerank_core.errors import (
    EngineError,
    InvalidArgumentError,
    InvalidTypeError,
    ModelError,
    RerankError,
)
from rerank_core.tokenizer import Encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rerank_core.reranker import Reranker

__all__ = ["LocalScorer", "Scored", "Scorer", "Window", "WindowScorer"]

# What a row's own text can bring about; anything else ends the job.
_ROW_FAULTS = (InvalidArgumentError, InvalidTypeError, ModelError, EngineError)
_PRIORITIES = 1000  # on either side of 0


@dataclass(frozen=True)
class Window:
    """Rows that are scored together.

    Attributes:
        number: Place in the job, from 0.
        queries: The query of each row.
        documents: The documents of each row: texts, or int32 token ids as bytes.
    """

    number: int
    queries: list[str]
    documents: list[list[str] | list[bytes]]


@dataclass(frozen=True)
class Scored:
    """What came of a window.

    Attributes:
        logits: float32 of each row's documents, or why the row cannot be scored.
        tokens: How many were run.
    """

    logits: list[NDArray[np.float32] | str]
    tokens: int


class Scorer(Protocol):
    """Scores windows somewhere, several at a time."""

    in_flight: int  # windows that keep it busy

    def submit(self, window: Window) -> Future[Scored]:
        """Begin with a window."""

    def close(self) -> None:
        """Drop what has not been scored."""


class WindowScorer:
    """Scores windows with one reranker; any number of threads may call it.

    Args:
        reranker: The engine.
        options: How `Reranker.score_pairs` truncates.
    """

    def __init__(self, reranker: Reranker, options: Mapping[str, Any]) -> None:
        self._reranker = reranker
        self._options = options
        self._lock = threading.Lock()
        self._tokens = reranker.stats().tokens

    def score(self, window: Window) -> Scored:
        """Score a window; earlier windows go first, and later ones fill what they leave idle."""
        priority = _PRIORITIES - window.number % (2 * _PRIORITIES + 1)
        logits = self._logits(window.queries, window.documents, priority)
        with self._lock:
            before, self._tokens = self._tokens, self._reranker.stats().tokens
            return Scored(logits, self._tokens - before)

    def _logits(
        self, queries: list[str], documents: list[list[str] | list[bytes]], priority: int
    ) -> list[NDArray[np.float32] | str]:
        counts = [len(each) for each in documents]
        asked = [query for query, count in zip(queries, counts, strict=True) for _ in range(count)]
        flat: list[Any] = [document for each in documents for document in each]
        try:
            scored = self._reranker.score_pairs(
                asked, self._given(flat), raw_scores=True, priority=priority, **self._options
            )
        except _ROW_FAULTS as error:
            if len(queries) == 1:
                return [self._reason(queries[0], flat, error)]
            half = len(queries) // 2
            return self._logits(queries[:half], documents[:half], priority) + self._logits(
                queries[half:], documents[half:], priority
            )
        return list(np.split(scored, np.cumsum(counts)[:-1]))

    def _given(self, documents: list[Any]) -> Any:
        """Give texts as they are, token ids as `Encoded`."""
        if not (documents and isinstance(documents[0], bytes)):
            return documents
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(tokens) // 4 for tokens in documents], out=offsets[1:])
        ids = np.frombuffer(b"".join(documents), np.int32)
        return Encoded(ids, offsets, tokenizer=self._reranker.tokenizer.fingerprint)

    def _reason(self, query: str, documents: list[Any], error: RerankError) -> str:
        """Say it as `Reranker.rerank` does of this query and its documents."""
        try:
            self._reranker.score(query, self._given(documents), **self._options)
        except _ROW_FAULTS as own:
            return own.message
        return error.message


class LocalScorer:
    """Scores windows in this process: two at a time, so that the engine never waits for Python."""

    in_flight = 3  # one more waits, read and checked

    def __init__(self, scorer: WindowScorer) -> None:
        self._scorer = scorer
        self._pool = ThreadPoolExecutor(2, "rerank_core-job")

    def submit(self, window: Window) -> Future[Scored]:
        return self._pool.submit(self._scorer.score, window)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
