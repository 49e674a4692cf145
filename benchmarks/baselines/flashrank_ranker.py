"""FlashRank: all passages of a request as one padded batch."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from flashrank import Ranker, RerankRequest
from flashrank.Config import model_file_map

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.baselines.padding import Padding

# It takes only names of its own list, and loads the directory of that name in its cache, if there is one.
NAME = "ms-marco-MiniLM-L-12-v2"


class Baseline:
    scale = "sigmoid"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        del variant
        directory = weights.with_name(f"{weights.name}-flashrank") / NAME
        graph = directory / model_file_map[NAME]
        if not graph.exists():
            directory.mkdir(parents=True, exist_ok=True)
            for file in (*weights.glob("*.json"), *weights.glob("*.txt")):
                shutil.copy(file, directory)
            shutil.copy(weights / "onnx/model.onnx", graph)
        self._ranker = Ranker(model_name=NAME, cache_dir=str(directory.parent), max_length=512)
        padding.watch_session(self._ranker.session)

    def score(self, query: str, documents: list[str]) -> list[float]:
        passages = [{"id": place, "text": text} for place, text in enumerate(documents)]
        scores = [0.0] * len(documents)
        for found in self._ranker.rerank(RerankRequest(query=query, passages=passages)):
            scores[found["id"]] = float(found["score"])
        return scores
