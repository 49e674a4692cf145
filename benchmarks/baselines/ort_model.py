"""optimum's ORTModelForSequenceClassification, called as its documentation shows, in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimum.onnxruntime import ORTModelForSequenceClassification
from transformers import AutoTokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.baselines.padding import Padding

BATCH_SIZE = 32  # it has none of its own


class Baseline:
    scale = "logit"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        del variant
        self._tokenizer = AutoTokenizer.from_pretrained(weights)
        self._model = ORTModelForSequenceClassification.from_pretrained(
            weights, subfolder="onnx", file_name="model.onnx"
        )
        padding.watch(self._model, "forward", lambda *_, attention_mask, **__: attention_mask)

    def score(self, query: str, documents: list[str], batch_size: int = BATCH_SIZE) -> list[float]:
        return self.score_pairs([query] * len(documents), documents, batch_size)

    def score_pairs(
        self, queries: list[str], documents: list[str], batch_size: int = BATCH_SIZE
    ) -> list[float]:
        scores: list[float] = []
        for start in range(0, len(documents), batch_size):
            part = slice(start, start + batch_size)
            inputs = self._tokenizer(
                queries[part], documents[part], padding=True, truncation=True, return_tensors="pt"
            )
            scores += self._model(**inputs).logits[:, 0].tolist()
        return scores
