"""Model directories made for tests: a small tokenizer of each family beside a small graph."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import tokenizers as hf
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from tests import graphs

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

WORDS = [
    "river",
    "stone",
    "lamp",
    "garden",
    "window",
    "music",
    "letter",
    "bridge",
    "winter",
    "summer",
    "paper",
    "market",
    "engine",
    "forest",
    "silver",
    "morning",
    "harbor",
    "mountain",
    "recipe",
    "bread",
    "copper",
    "island",
    "thunder",
    "village",
    "planet",
    "naïve",
    "café",
    "Größe",
    "東京",
    "Москва",
    "résumé",
    "pre-tokenized",
    "e-mail",
    "3.14",
    "don't",
]


def texts(count: int, *, seed: int = 0, longest: int = 60) -> list[str]:
    """Give seeded sentences of 1 to `longest` words."""
    rng = random.Random(seed)
    return [
        " ".join(rng.choices(WORDS, k=rng.randint(1, longest))).capitalize() + "."
        for _ in range(count)
    ]


def wordpiece() -> hf.Tokenizer:
    tokenizer = hf.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(
        texts(300), trainers.WordPieceTrainer(vocab_size=400, special_tokens=special)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def wordpiece_bert_processing() -> hf.Tokenizer:
    tokenizer = wordpiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def unigram() -> hf.Tokenizer:
    tokenizer = hf.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        texts(300),
        trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>"),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def byte_bpe() -> hf.Tokenizer:
    tokenizer = hf.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        texts(300), trainers.BpeTrainer(vocab_size=400, special_tokens=special)
    )
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def byte_bpe_sequence() -> hf.Tokenizer:
    """Llama's and ModernBERT's way: a byte-level step before the template."""
    tokenizer = byte_bpe()
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<s> $A </s>",
                pair="<s> $A </s> $B </s>",
                special_tokens=[("<s>", 0), ("</s>", 2)],
            ),
        ]
    )
    return tokenizer


def byte_bpe_bare() -> hf.Tokenizer:
    """Qwen's way: nothing around the texts."""
    tokenizer = byte_bpe()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


TOKENIZERS = {
    made.__name__: made
    for made in (
        wordpiece,
        wordpiece_bert_processing,
        unigram,
        byte_bpe,
        byte_bpe_sequence,
        byte_bpe_bare,
    )
}


def write(
    directory: Path,
    *,
    graph: onnx.ModelProto | None = None,
    tokenizer: hf.Tokenizer | None = None,
    config: dict[str, Any] | None = None,
    graph_name: str = "model.onnx",
) -> Path:
    """Write a model directory; what is not given is a small BERT with a word piece tokenizer."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = tokenizer or wordpiece()
    tokenizer.save(str(directory / "tokenizer.json"))
    shape = graphs.Shape(vocab=tokenizer.get_vocab_size(with_added_tokens=True))
    graphs.save(graph or graphs.bert(shape), directory / graph_name)
    config = {"model_type": "bert", "max_position_embeddings": 512, **(config or {})}
    (directory / "config.json").write_text(json.dumps(config))
    return directory
