"""Inputs of jobs, made with a seed, and what `Reranker.rerank` says of them."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from tests import models

if TYPE_CHECKING:
    from pathlib import Path

    from rerank_core import Reranker


def rows(count: int, *, documents: int = 6, seed: int = 0) -> list[dict[str, Any]]:
    """Give queries with documents, strings and mappings mixed; some come twice."""
    rng = random.Random(seed)
    texts = models.texts(4 * documents, seed=seed, longest=20)
    found = []
    for number in range(count):
        chosen = rng.choices(texts, k=rng.randint(1, documents))
        found.append(
            {
                "query_id": f"q{number}",
                "query": " ".join(rng.choices(models.WORDS, k=4)),
                "documents": [{"id": f"d{i}", "text": text} for i, text in enumerate(chosen)],
            }
        )
    return found


def write_lines(path: Path, values: list[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def parts(output: Path) -> dict[str, bytes]:
    """Give what a job leaves for its user: the parts, and the errors."""
    names = [*output.glob("part-*"), output / "errors.jsonl"]
    return {path.name: path.read_bytes() for path in sorted(names)}


def read_lines(output: Path) -> list[dict[str, Any]]:
    """Give the rows of output in JSON lines."""
    found = []
    for path in sorted(output.glob("part-*.jsonl")):
        found += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return found


def ranked(reranker: Reranker, values: list[dict[str, Any]], **options: Any) -> list[Any]:
    """Give index and score of each document, row by row, as `rerank` orders them."""
    return [
        [
            (hit.index, hit.score)
            for hit in reranker.rerank(row["query"], row["documents"], **options).data
        ]
        for row in values
    ]
