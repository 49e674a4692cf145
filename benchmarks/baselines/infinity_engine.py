"""Infinity in process: its engine on an event loop of its own, which batches across callers."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from typing import TYPE_CHECKING, Any

from infinity_emb import AsyncEmbeddingEngine, EngineArgs

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.baselines.padding import Padding


class Baseline:
    scale = "logit"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        path = _beside_the_graph(weights) if variant == "optimum" else str(weights)
        arguments = EngineArgs(
            model_name_or_path=path, engine=variant, device="cpu", bettertransformer=False
        )
        self._engine = AsyncEmbeddingEngine.from_args(arguments)
        self._wait(self._engine.astart())
        model = self._engine._model_replicas[0]
        inner = getattr(model, "model", model)
        padding.watch(inner, "forward", lambda *_, attention_mask, **__: attention_mask)

    def score(self, query: str, documents: list[str]) -> list[float]:
        found, _ = self._wait(self._engine.rerank(query=query, docs=documents, raw_scores=True))
        scores = [0.0] * len(documents)
        for result in found:
            scores[result.index] = float(result.relevance_score)
        return scores

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _beside_the_graph(weights: Path) -> str:
    """Its ONNX engine gives optimum the path of a graph where this wants a name: they agree only here."""
    directory = weights.with_name(f"{weights.name}-infinity")
    if not directory.exists():
        directory.mkdir()
        for file in (*weights.glob("*.json"), weights / "onnx/model.onnx"):
            shutil.copy(file, directory)
    os.chdir(directory)
    return "."
