"""Model directories made for tests: a small tokenizer of each family beside a small graph."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
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


def pieces(tokenizer: hf.Tokenizer, count: int, *, inside: str = "") -> list[tuple[str, int]]:
    """Give every character of the texts and the commonest longer pieces, with their counts.

    The trainers of `tokenizers` for WordPiece and Unigram do not: they draw another vocabulary each time.

    Args:
        tokenizer: Its normalizer and pre-tokenizer say what a word is.
        count: How many pieces.
        inside: What pieces begin with that do not begin a word.
    """
    normalized = (tokenizer.normalizer.normalize_str(text) for text in texts(300))
    words = Counter(
        word for text in normalized for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)
    )
    counts: Counter[str] = Counter()
    lengths = {}
    for word, times in words.items():
        for start in range(len(word)):
            for end in range(start + 1, len(word) + 1):
                piece = word[start:end]
                alone = {piece} if len(piece) == 1 else set()
                for each in {(inside if start else "") + piece} | alone:
                    counts[each] += times
                    lengths[each] = len(piece)

    def rank(piece: str) -> tuple[bool, int, str]:
        return lengths[piece] > 1, -counts[piece] * lengths[piece], piece

    return [(piece, counts[piece]) for piece in sorted(counts, key=rank)[:count]]


def wordpiece() -> hf.Tokenizer:
    tokenizer = hf.Tokenizer(models.WordPiece())
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = special + [piece for piece, _ in pieces(tokenizer, 196, inside="##")]
    ids = {piece: place for place, piece in enumerate(vocabulary)}
    tokenizer.model = models.WordPiece(ids, unk_token="[UNK]")
    tokenizer.add_special_tokens(special)
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
    counted = pieces(tokenizer, 196)
    total = sum(count for _, count in counted)
    scored = [(piece, math.log(count / total)) for piece, count in counted]
    tokenizer.model = models.Unigram(
        [(each, 0.0) for each in special] + scored, special.index("<unk>")
    )
    tokenizer.add_special_tokens(special)
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
