"""sentence-transformers' CrossEncoder: PyTorch, ONNX and OpenVINO backends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import CrossEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.baselines.padding import Padding

INT8 = "openvino_model_qint8_quantized.xml"
CALIBRATION_PAIRS = 100


class Baseline:
    scale = "logit"

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None:
        backend, _, kind = variant.partition(" ")
        options: dict[str, Any] = {}
        if backend == "torch":
            options["model_kwargs"] = {"torch_dtype": kind}
        elif backend == "onnx":
            options["model_kwargs"] = {"file_name": "onnx/model.onnx"}
        elif kind == "int8":
            if not (weights / "openvino" / INT8).exists():
                _quantize(weights)
            options["model_kwargs"] = {"file_name": f"openvino/{INT8}"}
        self._model = CrossEncoder(
            str(weights),
            backend=backend,
            device="cpu",
            activation_fn=torch.nn.Identity(),
            **options,
        )
        padding.watch(self._model.model, "forward", lambda *_, attention_mask, **__: attention_mask)

    def score(self, query: str, documents: list[str], **settings: Any) -> Any:
        return self._predict([(query, document) for document in documents], settings)

    def score_pairs(self, queries: list[str], documents: list[str], **settings: Any) -> Any:
        return self._predict(list(zip(queries, documents, strict=True)), settings)

    def _predict(self, pairs: list[tuple[str, str]], settings: dict[str, Any]) -> Any:
        return self._model.predict(pairs, show_progress_bar=False, **settings)


def _quantize(weights: Path) -> None:
    """Static int8 as the library exports it; calibrated on texts of ours, for no hub is asked."""
    from optimum.intel import OVQuantizationConfig
    from sentence_transformers import export_static_quantized_openvino_model

    folder = weights / "calibration"
    folder.mkdir(exist_ok=True)
    texts = json.loads((weights / "calibration.json").read_text())
    rows = [json.dumps({"text": text}) for text in texts[:CALIBRATION_PAIRS]]
    (folder / "train.jsonl").write_text("\n".join(rows))
    model = CrossEncoder(str(weights), backend="openvino", device="cpu")
    export_static_quantized_openvino_model(
        model,
        OVQuantizationConfig(num_samples=len(rows)),
        str(weights),
        dataset_name=str(folder),
        dataset_config_name="default",
        dataset_split="train",
        column_name="text",
    )
