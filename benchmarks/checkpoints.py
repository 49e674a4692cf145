"""PyTorch checkpoints of well-known shapes with seeded random weights, for everyone to load.

Run as `python -m benchmarks.checkpoints ROOT`, in the environment that exports: writes for each shape
a checkpoint with its plain ONNX export, and ours prepared from it in fp32 and int8.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import transformers

from benchmarks.workloads import MAX_TOKENS, SHAPES, stem
from rerank_core import Tokenizer
from rerank_core.models.prepare import prepare
from rerank_core.models.prepare.export import export
from rerank_core.models.store import find

if TYPE_CHECKING:
    from tests.graphs import Shape

# The logits of trained cross-encoders spread by about 5 over a query's documents (ms-marco-MiniLM: -11 to 9).
HEAD_SPREAD = 5.0


def write(directory: Path, shape: Shape) -> Path:
    """Write a BERT whose random weights have the spread of trained ones, in the Hugging Face layout."""
    tokenizer = Tokenizer(find("bundled").tokenizer)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.hidden,
        max_position_embeddings=MAX_TOKENS,
        num_labels=1,
    )
    model = transformers.BertForSequenceClassification(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            spread = 1 / weight.shape[-1] ** 0.5 if weight.dim() > 1 else 0.05
            base = 1.0 if name.endswith("LayerNorm.weight") else 0.0
            weight.copy_(base + spread * torch.randn_like(weight))
        model.classifier.weight.mul_(HEAD_SPREAD)
    model.save_pretrained(directory)
    shutil.copy(find("bundled").tokenizer, directory / "tokenizer.json")
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        **special,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    (directory / "special_tokens_map.json").write_text(json.dumps(special))  # FlashRank, fastembed
    return directory


def main() -> None:
    logging.disable(logging.WARNING)  # ONNX Runtime's quantizer talks through the root logger
    root = Path(sys.argv[1])
    for shape in SHAPES.values():
        name = stem(shape)
        directory = root / name
        if (root / f"{name}-int8").exists():
            continue
        shutil.rmtree(directory, ignore_errors=True)
        exported = export(write(directory, shape), root / f"{name}-export")
        (directory / "onnx").mkdir()
        shutil.move(exported, directory / "onnx/model.onnx")
        for precision in ("fp32", "int8"):
            shutil.rmtree(root / f"{name}-{precision}", ignore_errors=True)
            prepare(directory, root / f"{name}-{precision}", precision=precision)
        print(f"{directory}: {shape}", flush=True)


if __name__ == "__main__":
    main()
