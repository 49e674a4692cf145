"""fastembed's TextCrossEncoder, with a custom model at a local path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastembed.common.model_description import ModelSource
from fastembed.rerank.cross_encoder import TextCrossEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.baselines.padding import Padding

NAME = "benchmarks/random-weights"


class Baseline:
    scale = "logit"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        del variant
        TextCrossEncoder.add_custom_model(
            model=NAME, model_file="onnx/model.onnx", sources=ModelSource(hf=NAME)
        )
        self._model = TextCrossEncoder(model_name=NAME, specific_model_path=str(weights))
        padding.watch_session(self._model.model.model)

    def score(self, query: str, documents: list[str], **settings: Any) -> list[float]:
        return list(self._model.rerank(query, documents, **settings))

    def score_pairs(self, queries: list[str], documents: list[str], **settings: Any) -> list[float]:
        return list(
            self._model.rerank_pairs(list(zip(queries, documents, strict=True)), **settings)
        )
