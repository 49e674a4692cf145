"""Ranking quality of a model directory, measured through `rerank_core` itself: collections and probes.

Run as ``python -m training.evaluate DATA DIRECTORY -o RESULT``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rerank_core import Reranker

from . import collections
from .metrics import ndcg, ordered

PROBES = Path(__file__).parent / "probes/paraphrases.jsonl"


def evaluate(reranker: Reranker, data: Path) -> dict[str, Any]:
    """nDCG@10 of BM25's top 100 as they came and as reranked, and the paraphrase probes."""
    rows = {name: collection(reranker, data, name) for name in collections.NAMES}
    mean = {key: float(np.mean([row[key] for row in rows.values()])) for key in ("bm25", "model")}
    return {
        "collections": rows,
        "mean": {
            **mean,
            "relative": mean["model"] / mean["bm25"] - 1,
            "mean_of_relative": float(np.mean([row["relative"] for row in rows.values()])),
        },
        "probes": probes(reranker),
    }


def collection(reranker: Reranker, data: Path, name: str) -> dict[str, float]:
    """Mean nDCG@10 of the collection's queries, and the relative change with its standard error."""
    queries = collections.candidates(data, name)
    before = np.array([ndcg(query.gains, query.ideal) for query in queries])
    after = np.array(
        [
            ndcg(ordered(reranker.score(query.query, query.texts), query.gains), query.ideal)
            for query in queries
        ]
    )
    change = after - before
    return {
        "queries": len(queries),
        "bm25": float(before.mean()),
        "model": float(after.mean()),
        "relative": float(after.mean() / before.mean() - 1),
        "standard_error": float(change.std(ddof=1) / np.sqrt(len(change)) / before.mean()),
    }


def probes(reranker: Reranker) -> dict[str, Any]:
    """How often the paraphrase is ranked above every passage that only shares words."""
    groups = [json.loads(line) for line in PROBES.read_text(encoding="utf-8").splitlines()]
    wrong = []
    for group in groups:
        first, *others = reranker.score(group["query"], [group["relevant"], *group["decoys"]])
        if first <= max(others):
            wrong.append(group["id"])
    return {"groups": len(groups), "right": len(groups) - len(wrong), "wrong": wrong}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    with Reranker(options.directory) as reranker:
        result = evaluate(reranker, options.data)
    graph = (options.directory / "model.onnx").read_bytes()
    result["sha256"] = hashlib.sha256(graph).hexdigest()
    text = json.dumps(result, indent=1) + "\n"
    if options.output:
        options.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
