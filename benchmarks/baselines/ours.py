"""rerank-core on what it prepared from the checkpoint."""

from __future__ import annotations

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
        self._padding = padding

    def score(self, query: str, documents: list[str]) -> NDArray[np.float32]:
        before = self.reranker.stats()
        scores = self.reranker.score(query, documents)
        if self._padding.is_counting:
            after = self.reranker.stats()
            self._padding.padded += after.padded_tokens - before.padded_tokens
            self._padding.real += after.tokens - before.tokens
        return scores

    def score_pairs(self, queries: list[str], documents: list[str]) -> Any:
        return self.reranker.score_pairs(queries, documents)
