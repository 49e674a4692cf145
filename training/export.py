"""Writes the prepared model directory: the graph with its tables in int8, the tokenizer, the manifest."""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .batches import collate
from .model import POSITIONS, Scorer, unit

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LEVELS = 127  # of a signed byte


class Compact(Scorer):
    """A scorer whose tables are bytes; vectors by neighbours need no scale, they are made unit."""

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer.shape)
        self.load_state_dict(scorer.state_dict())
        weights = scorer.piece_weights().detach()
        neighbours, _ = _bytes(scorer.neighbours.detach())
        translations, scale = _bytes(scorer.translations)
        self.register_buffer("stored_weights", weights)
        self.register_buffer("stored_classes", scorer.classes.to(torch.int32))
        self.register_buffer("stored_neighbours", neighbours)
        self.register_buffer("stored_translated", scorer.translated.to(torch.int32))
        self.register_buffer("stored_translations", translations)
        self.register_buffer("scale_of_translations", scale)

    def piece_weights(self) -> Tensor:
        return self.stored_weights

    def classes_of(self, ids: Tensor) -> Tensor:
        return self.stored_classes[ids]

    def vectors(self, classes: Tensor) -> tuple[Tensor, Tensor]:
        row = self.stored_translated[classes]
        translations = self.stored_translations[row].float() * self.scale_of_translations[row]
        return unit(self.stored_neighbours[classes].float()), translations


def export(scorer: Scorer, tokenizer: Path, directory: Path, *, compact: bool = True) -> None:
    """Write the directory that `rerank_core` ships.

    Args:
        scorer: Trained and calibrated.
        tokenizer: The tokenizer.json of the vocabulary.
        directory: Files of the same names there are replaced.
        compact: Tables in int8; else in fp32, to compare with.
    """
    directory.mkdir(parents=True, exist_ok=True)
    graph = directory / "model.onnx"
    _write_graph((Compact(scorer) if compact else scorer).eval(), graph)
    (directory / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    for name, content in _settings(scorer).items():
        (directory / name).write_text(json.dumps(content, indent=1) + "\n")
    names = ("config.json", "model.onnx", "tokenizer.json", "tokenizer_config.json")
    manifest = {
        "graph": graph.name,
        "precision": "fp32",
        "sha256": {
            name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in names
        },
    }
    (directory / "rerank_core.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _bytes(table: Tensor) -> tuple[Tensor, Tensor]:
    scale = table.abs().amax(1, keepdim=True).clamp_min(1e-8) / LEVELS
    return (table / scale).round().to(torch.int8), scale


def _write_graph(scorer: nn.Module, path: Path) -> None:
    two = [(np.array([7, 8, 9]), np.array([9, 8, 7, 6])), (np.array([7]), np.array([7, 8]))]
    axes = {name: {0: "batch", 1: "sequence"} for name in INPUTS}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of the exporter that needs no onnxscript
        torch.onnx.export(
            scorer,
            collate(two, POSITIONS),
            str(path),
            input_names=list(INPUTS),
            output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "batch"}},
            opset_version=17,
            dynamo=False,
        )
    graph = onnx.load(path)
    shape = graph.graph.output[0].type.tensor_type.shape
    del shape.dim[:]
    shape.dim.add().dim_param = "batch"
    shape.dim.add().dim_value = 1
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def _settings(scorer: Scorer) -> dict[str, dict[str, object]]:
    return {
        "config.json": {
            "model_type": "bert",
            "architectures": ["SoftMatchForSequenceClassification"],
            "num_labels": 1,
            "id2label": {"0": "LABEL_0"},
            "label2id": {"LABEL_0": 0},
            "vocab_size": scorer.shape.vocabulary,
            "hidden_size": scorer.shape.neighbours,
            "num_hidden_layers": 0,
            "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2,
            "pad_token_id": 0,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": True,
            "model_max_length": POSITIONS,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
    }
