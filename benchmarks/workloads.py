"""Named, seeded workloads: text of known token lengths, and the graphs that score it.

The graphs have the shapes of well-known models and random weights: speed depends on shapes alone.
Text is made of words that are one token each in the bundled vocabulary, so that a document's length
in tokens is its number of words.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import tokenizers as hf

from rerank_core.models.store import find
from tests import graphs

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_TOKENS = 512
SHAPES = {"MiniLM-L6 (6 x 384)": graphs.MINILM_L6, "tiny (2 x 128)": graphs.TINY}


@dataclass(frozen=True)
class Workload:
    """One query and its documents."""

    name: str
    query: str
    documents: list[str]
    tokens: NDArray[np.int64]  # of each document

    def describe(self) -> str:
        return (
            f"{len(self.documents)} documents of mean {self.tokens.mean():.0f} tokens "
            f"({self.tokens.min()} to {self.tokens.max()})"
        )


def _tokenizer() -> hf.Tokenizer:
    return hf.Tokenizer.from_file(str(find("bundled").tokenizer))


def _words() -> list[str]:
    return sorted(w for w in _tokenizer().get_vocab() if w.isascii() and w.isalpha() and len(w) > 2)


def _workload(name: str, lengths: NDArray[np.int64], seed: int) -> Workload:
    words = np.array(_words())
    rng = np.random.default_rng(seed)
    documents = [" ".join(rng.choice(words, size=length)) for length in lengths]
    return Workload(name, " ".join(rng.choice(words, size=8)), documents, lengths)


# Spread of log lengths: 0.38 was measured on MS MARCO passages (BM25's top 100 of TREC DL 2019 and
# 2020), which were cut to be alike; sections of real pages vary more (MedQuAD's answers: 0.8).
SIGMAS = {"even passages": 0.38, "uneven passages": 0.6}


def passages(
    count: int = 100, *, mean: float = 90, sigma: float = 0.6, longest: int = 480, seed: int = 0
) -> Workload:
    """Give log-normal lengths of a given mean, in tokens."""
    rng = np.random.default_rng(seed)
    lengths = rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, count)
    return _workload("passages", np.clip(lengths, 8, longest).round().astype(np.int64), seed)


def long_documents(count: int = 1000, *, tokens: int = 512, seed: int = 0) -> Workload:
    """Give documents that all fill a model's row."""
    return _workload("long documents", np.full(count, tokens, np.int64), seed)


def stem(shape: graphs.Shape) -> str:
    """Name the directory of a shape."""
    return f"l{shape.layers}-h{shape.hidden}"


def model_directory(root: Path, shape: graphs.Shape) -> Path:
    """Write a graph of a shape beside the bundled tokenizer; made once per root."""
    directory = root / stem(shape)
    if not (directory / "model.onnx").exists():
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(find("bundled").tokenizer, directory)
        (directory / "config.json").write_text(json.dumps({"max_position_embeddings": 512}))
        size = _tokenizer().get_vocab_size(with_added_tokens=True)
        graphs.save(graphs.bert(replace(shape, vocab=size)), directory / "model.onnx")
    return directory
