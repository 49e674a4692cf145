"""rerank-core on what it prepared from the checkpoint."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rerank_core import Reranker

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.baselines.padding import Padding


class Baseline:
    scale = "logit"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        self.reranker = Reranker(weights.with_name(f"{weights.name}-{variant}"), raw_scores=True)
        padding.counted = self._tokens

    def _tokens(self) -> tuple[int, int]:
        stats = self.reranker.stats()
        return stats.padded_tokens, stats.tokens

    def score(self, query: str, documents: list[str]) -> NDArray[np.float32]:
        return self.reranker.score(query, documents)

    def score_pairs(self, queries: list[str], documents: list[str]) -> Any:
        return self.reranker.score_pairs(queries, documents)

    def shares(self, requests: list[tuple[str, list[str]]]) -> dict[str, float]:
        """Split the time of all workers: turning text into ids, the model's run, and the rest."""
        reranker = self.reranker
        before, start = reranker.stats().run_seconds, time.perf_counter()
        for query, documents in requests:
            reranker.score(query, documents)
        seconds = time.perf_counter() - start
        run = (reranker.stats().run_seconds - before) / reranker.info.threads
        start = time.perf_counter()
        for query, documents in requests:
            reranker.tokenizer.cut([query], engine=reranker._engine)
            reranker.tokenizer.cut(documents, reranker.info.max_length, engine=reranker._engine)
        tokenizer = time.perf_counter() - start
        return {
            "tokenizer": tokenizer / seconds,
            "model": run / seconds,
            "rest": 1 - (tokenizer + run) / seconds,
        }
