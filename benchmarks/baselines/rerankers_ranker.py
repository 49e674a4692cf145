"""rerankers' wrapper of a transformers cross-encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rerankers import Reranker

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.baselines.padding import Padding


class Baseline:
    scale = "logit"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        del variant
        self._ranker = Reranker(str(weights), model_type="cross-encoder", device="cpu", verbose=0)
        padding.watch(
            self._ranker.model, "forward", lambda *_, attention_mask, **__: attention_mask
        )

    def score(self, query: str, documents: list[str], **settings: Any) -> list[float]:
        found = self._ranker.rank(query, documents, doc_ids=list(range(len(documents))), **settings)
        scores = [0.0] * len(documents)
        for result in found.results:
            scores[result.doc_id] = float(result.score)
        return scores
