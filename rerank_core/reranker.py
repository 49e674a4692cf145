"""One model, loaded once, called from anywhere."""

from __future__ import annotations

import dataclasses
import logging
import time
import weakref
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np

from rerank_core import _core
from rerank_core._calling import begin_call, on_thread
from rerank_core._events import ENGINE, emit
from rerank_core._loading import load
from rerank_core._scoring import PairScorer
from rerank_core._steps import Steps, finished, is_long, steps_of, waits
from rerank_core.errors import InvalidArgumentError, InvalidTypeError
from rerank_core.models.store import BUNDLED
from rerank_core.request import (
    TextOf,
    checked_bool,
    checked_documents,
    checked_positive,
    checked_query,
    checked_rank_fields,
    texts_of,
)
from rerank_core.results import (
    EngineStats,
    RankedDocument,
    RerankerInfo,
    RerankResult,
    RerankUsage,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from rerank_core.tokenizer import Encoded, Tokenizer

__all__ = ["Reranker"]


class Reranker:
    """A cross-encoder that ranks documents for a query.

    Thread-safe: one instance serves any number of threads and event loops. It does not survive a
    fork: make one in each process. Those of one model hold its weights once, and all of a process share
    worker threads: no more run at once than there are CPUs, or than one of them was given.

    Args:
        model: "bundled"; or a directory with config.json, tokenizer.json and an ONNX graph; or the
            id of such a model on the Hugging Face hub, "organization/name", which is downloaded
            once and kept in the hub's cache. Set HF_HUB_OFFLINE=1 to take it from there only.
        device: "cpu", "cuda" or "cuda:N".
        precision: "fp32", "fp16" or "int8" of the graph to load; None takes what is there (fp32 first).
        threads: Threads that it may use at once; None takes the CPUs that this process may use.
        token_budget: Padded tokens that a batch may have; None takes the device's (512 on a CPU).
        max_length: Tokens that query and document may have together, special tokens included; None
            takes the model's limit, which it may not exceed.
        raw_scores: Give logits instead of scores from 0 to 1; None does what the model's config.json
            says, as sentence-transformers does.
        revision: Branch, tag or commit of a model of the hub; None takes its main branch.
        provider_options: Options of the CUDA execution provider, as ONNX Runtime names them.
        memory_limit: What the batches that run may take together beside the loaded model, as bytes or
            as text such as "512MB"; None bounds a batch by token_budget alone. What a row takes is
            seen on rows of many widths when the model is loaded. Batches are made smaller, and fewer run at once; a
            document that does not fit alone is an error before anything is run. On CUDA
            it bounds what ONNX Runtime takes of the GPU's memory, weights included.
        max_queued_rows: Rows (pairs, or windows of them) that may wait for a worker; None bounds
            nothing. A call that is larger alone comes in when nothing else waits.
        max_queued_tokens: The same in tokens, padding included.
        when_full: What a call does that finds no room: "wait" for it, by priority and then first come,
            first in; or "fail" with ResourceExhaustedError.
        cache_rows: Rows whose logits are kept for later calls, some 100 bytes each, those used last
            first; None keeps none. An equal row (tokens of query and document, as they were cut) is then
            not run again.

    Raises:
        NotFoundError: There is no such model, or the hub cannot be asked.
        ModelError: Its files are missing, broken, or not those of a cross-encoder; or they could not
            be downloaded whole.
        ProviderError: ONNX Runtime or the device is not there.
        InvalidArgumentError, InvalidTypeError: An option cannot be.

    Example:
        >>> from rerank_core import Reranker
        >>> with Reranker() as reranker:
        ...     result = reranker.rerank(
        ...         "capital of France",
        ...         ["Berlin is the capital of Germany.", "Paris is the capital of France."],
        ...     )
        >>> result.data[0].document
        'Paris is the capital of France.'
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = BUNDLED,
        *,
        device: str = "cpu",
        precision: str | None = None,
        threads: int | None = None,
        token_budget: int | None = None,
        max_length: int | None = None,
        raw_scores: bool | None = None,
        revision: str | None = None,
        provider_options: Mapping[str, str] | None = None,
        memory_limit: int | str | None = None,
        max_queued_rows: int | None = None,
        max_queued_tokens: int | None = None,
        when_full: Literal["wait", "fail"] = "wait",
        cache_rows: int | None = None,
    ) -> None:
        start = time.perf_counter()
        loaded = load(
            model,
            device=device,
            precision=precision,
            threads=threads,
            token_budget=token_budget,
            max_length=max_length,
            raw_scores=raw_scores,
            revision=revision,
            provider_options=provider_options,
            memory_limit=memory_limit,
            max_queued_rows=max_queued_rows,
            max_queued_tokens=max_queued_tokens,
            when_full=when_full,
            cache_rows=cache_rows,
        )
        self._engine, self._tokenizer, self._info = loaded.engine, loaded.tokenizer, loaded.info
        self._pairs = PairScorer(loaded)
        self._graph = loaded.graph  # held, so that the next one of the same model finds it
        # Also at interpreter exit, so that no worker is inside ONNX Runtime while it is torn down.
        self._close = weakref.finalize(self, self._engine.close)
        emit(
            ENGINE,
            logging.INFO,
            "loaded",
            **dataclasses.asdict(self._info),
            seconds=time.perf_counter() - start,
        )

    @property
    def info(self) -> RerankerInfo:
        """What runs here, and how."""
        return self._info

    @property
    def tokenizer(self) -> Tokenizer:
        """What turns texts into the ids that the model reads."""
        return self._tokenizer

    def encode_documents(
        self,
        documents: Sequence[Any],
        *,
        rank_fields: Sequence[str] = ("text",),
        text_of: TextOf | None = None,
        timeout: float | None = None,
        priority: int = 0,
    ) -> Encoded:
        """Tokenize documents that will be ranked again and again.

        The result takes the place of ``documents`` in `rerank` and `score`, with the same scores. Store
        its ``ids``, ``offsets`` and ``tokenizer``, and make it again with ``Encoded(ids, offsets,
        tokenizer=...)``.

        Args:
            documents: As `rerank` takes them; rank_fields, text_of, timeout and priority too.

        Raises:
            InvalidArgumentError, InvalidTypeError, MissingFieldError: A document cannot be.
            DeadlineExceededError: The timeout has passed.

        Example:
            >>> from rerank_core import Reranker
            >>> reranker = Reranker()
            >>> encoded = reranker.encode_documents(["The sky is blue.", "Grass is green."])
            >>> reranker.rerank("grass", encoded).data[0].index
            1
        """
        call = begin_call(timeout, priority)
        given = checked_documents(documents)
        texts = texts_of(given, checked_rank_fields(rank_fields), text_of)
        self._engine.check(call)
        encoded = self._tokenizer.cut(texts, engine=self._engine, call=call)
        self._engine.check(call)  # where the library encodes, it knows of no deadline
        return encoded

    @waits
    def rerank(
        self,
        query: str,
        documents: Sequence[Any] | Encoded,
        *,
        top_n: int | None = None,
        return_documents: bool = True,
        rank_fields: Sequence[str] = ("text",),
        truncate: str = "END",
        max_pair_tokens: int | None = None,
        max_tokens_per_doc: int | None = None,
        max_chunks_per_doc: int | None = None,
        raw_scores: bool | None = None,
        text_of: TextOf | None = None,
        timeout: float | None = None,
        priority: int = 0,
    ) -> Steps[RerankResult]:
        """Rank documents for a query.

        Args:
            query: The question or search text.
            documents: Strings, or mappings with the fields of rank_fields, mixed freely; or
                anything, with text_of. They come back as the same objects, untouched. Or what
                `encode_documents` gave, which has no documents to give back.
            top_n: How many to give, best first; None, or more than there are, gives all.
            return_documents: Whether the result holds the documents themselves.
            rank_fields: Fields of a mapping that make its text, joined by a newline in this order.
            truncate: What happens to a pair that is too long: "END" cuts the document, and the query
                only when it fills the limit alone; "NONE" fails the request.
            max_pair_tokens: Tokens that query and document may have together, special tokens included,
                before the document is split into windows. None: what a row holds, or all windows.
            max_tokens_per_doc: Each document is first cut to so many tokens.
            max_chunks_per_doc: A long document is split into at most so many consecutive windows that
                each fit beside the query; its score is that of its best window.
            raw_scores: Give logits instead of scores; None takes the reranker's setting.
            text_of: Gives the text of a document; replaces rank_fields.
            timeout: Seconds that all of the call may take, waiting included.
            priority: Calls with a higher one go first, however long the others have waited; those with
                the same take turns. From -1000 to 1000.

        Returns:
            The documents by score, then by index. ``truncated`` names those that were cut.

        Raises:
            TokenLimitError: A pair is too long and truncate is "NONE".
            InvalidArgumentError, InvalidTypeError, MissingFieldError: An argument cannot be.
            DeadlineExceededError: The timeout has passed.
            ResourceExhaustedError: The queue is full, and calls were not to wait.
            EngineError: The model failed, or gave NaN for a document.
            ClosedError: The reranker was closed, or made before a fork.

        Example:
            >>> from rerank_core import Reranker
            >>> reranker = Reranker()
            >>> documents = ["The sky is blue.", {"text": "Grass is green.", "id": 7}]
            >>> reranker.rerank("Which colour is grass?", documents, top_n=1).data[0].document["id"]
            7
        """
        call = begin_call(timeout, priority)
        given = self._pairs.documents(documents, rank_fields, text_of)
        if not len(given):
            raise InvalidArgumentError("documents must not be empty")
        top_n = len(given) if top_n is None else checked_positive("top_n", top_n)
        checked_bool("return_documents", return_documents)
        limits = self._pairs.limits(
            truncate, max_pair_tokens, max_tokens_per_doc, max_chunks_per_doc
        )
        scored = yield self._pairs.scoring(call, [checked_query(query)], given.content, limits)
        order = _core.rank(scored.logits, min(top_n, len(given)))
        scores = self._scale(scored.logits[order], raw_scores)
        return RerankResult(
            model=self._info.model,
            data=tuple(
                RankedDocument(index, score, given.objects[index] if return_documents else None)
                for index, score in zip(order.tolist(), scores.tolist(), strict=True)
            ),
            usage=RerankUsage(rerank_units=1, total_tokens=int(scored.tokens_run.sum())),
            truncated=tuple(np.flatnonzero(scored.truncated).tolist()),
        )

    async def arerank(
        self, query: str, documents: Sequence[Any] | Encoded, **options: Any
    ) -> RerankResult:
        """Rank as `rerank` does, without keeping the event loop waiting.

        What takes longer than a millisecond to check or to tokenize goes to a thread; no thread waits for
        the scores. A task that is cancelled takes its work back: batches that wait never start, those that
        run end early.

        Example:
            >>> import asyncio
            >>> from rerank_core import Reranker
            >>> reranker = Reranker()
            >>> asyncio.run(reranker.arerank("grass", ["The sky.", "Grass."])).data[0].index
            1
        """
        if is_long(documents) or options.get("text_of") is not None:
            return await on_thread(self.rerank, query, documents, **options)
        return await finished(steps_of(self.rerank, query, documents, **options))

    def score(
        self,
        query: str,
        documents: Sequence[Any] | Encoded,
        *,
        rank_fields: Sequence[str] = ("text",),
        truncate: str = "END",
        max_pair_tokens: int | None = None,
        max_tokens_per_doc: int | None = None,
        max_chunks_per_doc: int | None = None,
        raw_scores: bool | None = None,
        text_of: TextOf | None = None,
        timeout: float | None = None,
        priority: int = 0,
    ) -> NDArray[np.float32]:
        """Score documents for a query, in input order.

        Equivalent to sorting the data of ``rerank(query, documents, ...)`` by index and taking the
        scores, except that no documents give no scores. Arguments and errors are those of `rerank`.

        Returns:
            float32 [len(documents)].

        Example:
            >>> from rerank_core import Reranker
            >>> scores = Reranker().score("grass", ["The sky is blue.", "Grass is green."])
            >>> bool(scores[1] > scores[0])
            True
        """
        call = begin_call(timeout, priority)
        given = self._pairs.documents(documents, rank_fields, text_of)
        limits = self._pairs.limits(
            truncate, max_pair_tokens, max_tokens_per_doc, max_chunks_per_doc
        )
        asked = self._pairs.scoring(call, [checked_query(query)], given.content, limits)
        return self._scale(asked.run().logits, raw_scores).astype(np.float32)

    def score_pairs(
        self,
        queries: Sequence[str],
        documents: Sequence[Any] | Encoded,
        *,
        rank_fields: Sequence[str] = ("text",),
        truncate: str = "END",
        max_pair_tokens: int | None = None,
        max_tokens_per_doc: int | None = None,
        max_chunks_per_doc: int | None = None,
        raw_scores: bool | None = None,
        text_of: TextOf | None = None,
        timeout: float | None = None,
        priority: int = 0,
    ) -> NDArray[np.float32]:
        """Score each document for the query at its place.

        Equivalent to ``[score(q, [d], ...)[0] for q, d in zip(queries, documents)]``, in one pass over
        all pairs; a query that recurs is tokenized once. Arguments and errors are those of `rerank`.

        Args:
            queries: As many as there are documents.

        Returns:
            float32 [len(documents)].

        Example:
            >>> from rerank_core import Reranker
            >>> Reranker().score_pairs(["grass", "sky"], ["Grass is green.", "Seas are deep."]).shape
            (2,)
        """
        call = begin_call(timeout, priority)
        asked = checked_documents(queries, "queries")
        given = self._pairs.documents(documents, rank_fields, text_of)
        if len(asked) != len(given):
            raise InvalidArgumentError(
                f"queries and documents must be of equal length, got {len(asked)} and {len(given)}"
            )
        for index, query in enumerate(asked):
            try:
                checked_query(query)
            except (InvalidArgumentError, InvalidTypeError) as error:
                raise type(error)(f"queries[{index}]: {error}") from None
        distinct = list(dict.fromkeys(asked))
        position = {query: place for place, query in enumerate(distinct)}
        asked_for = self._pairs.scoring(
            call,
            distinct,
            given.content,
            self._pairs.limits(truncate, max_pair_tokens, max_tokens_per_doc, max_chunks_per_doc),
            np.fromiter((position[query] for query in asked), np.int64, len(asked)),
            lambda place: f"queries[{asked.index(distinct[place])}]",
        )
        return self._scale(asked_for.run().logits, raw_scores).astype(np.float32)

    def warm_up(self, *, timeout: float | None = None) -> float:
        """Run made-up rows of all lengths on every worker, so that the first calls are not the slow ones.

        A model's first batch of a size finds no memory allocated and its weights in no cache; on CUDA
        kernels are loaded. It is counted and takes turns as a call does.

        Args:
            timeout: Seconds that it may take.

        Returns:
            Seconds that it took.

        Raises:
            DeadlineExceededError: The timeout has passed.
            ResourceExhaustedError: The queue is full, and calls were not to wait.
            EngineError: The model failed.
            ClosedError: The reranker was closed, or made before a fork.

        Example:
            >>> from rerank_core import Reranker
            >>> Reranker().warm_up() > 0
            True
        """
        start = time.perf_counter()
        self._pairs.warm_up(begin_call(timeout, 0))
        seconds = time.perf_counter() - start
        emit(ENGINE, logging.INFO, "warmed_up", model=self._info.model, seconds=seconds)
        return seconds

    def scores_of(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the scores from 0 to 1 that logits stand for, as `rerank` does.

        Example:
            >>> from rerank_core import Reranker
            >>> Reranker().scores_of(np.zeros(1, np.float32)).tolist()
            [0.5]
        """
        return _core.sigmoid(np.ascontiguousarray(logits))

    def stats(self) -> EngineStats:
        """Give what was done since the reranker was made, and what waits now.

        Cheap, and safe from any thread.

        Example:
            >>> from rerank_core import Reranker
            >>> reranker = Reranker()
            >>> _ = reranker.score("grass", ["The sky is blue.", "Grass is green."])
            >>> stats = reranker.stats()
            >>> stats.requests, stats.rows, stats.queued_rows
            (1, 2, 0)
        """
        counted = self._engine.counters()
        waited, ran = counted.pop("wait_ns"), counted.pop("run_ns")
        tokens = counted["tokens"]
        return EngineStats(
            **counted,
            padding_ratio=counted["padded_tokens"] / tokens if tokens else 1.0,
            wait_seconds=waited / 1e9,
            run_seconds=ran / 1e9,
        )

    def close(self) -> None:
        """Stop the workers: calls that wait fail with ClosedError, and so do later ones."""
        if self._close.alive:
            emit(ENGINE, logging.INFO, "closed", model=self._info.model)
        self._close()

    def __reduce__(self) -> NoReturn:
        raise InvalidTypeError(
            "a Reranker has threads and cannot be copied or pickled; make one in each process"
        )

    def __enter__(self) -> Reranker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        info = self._info
        return (
            f"Reranker({info.model!r}, precision={info.precision!r}, provider={info.provider!r}, "
            f"max_length={info.max_length}, threads={info.threads}, tokenizer={info.tokenizer!r})"
        )

    def _scale(
        self, logits: NDArray[np.float32], raw_scores: bool | None
    ) -> NDArray[np.float32] | NDArray[np.float64]:
        raw = (
            self._info.raw_scores if raw_scores is None else checked_bool("raw_scores", raw_scores)
        )
        return logits if raw else self.scores_of(logits)
