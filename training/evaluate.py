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
from rerank_core.eval import FIRST_STAGE, Collection, rerank_run
from rerank_core.eval import evaluate as measure

from . import judged

MEASURE = "nDCG@10"

STRANGERS = (1, 2, 3)  # groups further on
PROBES = Path(__file__).parent / "probes/paraphrases.jsonl"


def evaluate(reranker: Reranker, data: Path) -> dict[str, Any]:
    """nDCG@10 of BM25's top 100 as they came and as reranked, and the paraphrase probes."""
    rows = {name: collection(reranker, judged.read(data, name)) for name in judged.NAMES}
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


def collection(reranker: Reranker, data: Collection) -> dict[str, float]:
    """Mean nDCG@10 of the collection's queries, and the relative change with its standard error."""
    found = measure(data, {"model": rerank_run(reranker, data)}, measures=[MEASURE])
    before, after = (found.mean(system, MEASURE) for system in (FIRST_STAGE, "model"))
    change = found.compare("model", FIRST_STAGE, MEASURE)
    return {
        "queries": len(found.queries),
        "bm25": before,
        "model": after,
        "relative": after / before - 1,
        "standard_error": (change.standard_error or 0) / before,
    }


def probes(reranker: Reranker) -> dict[str, Any]:
    """How often the paraphrase is ranked above every passage that only shares words, and how often
    also above what answers other queries, which shares none: to share no word is no merit.
    """
    groups = [json.loads(line) for line in PROBES.read_text(encoding="utf-8").splitlines()]
    wrong, of_others = [], 0
    for place, group in enumerate(groups):
        strangers = [groups[(place + more) % len(groups)]["relevant"] for more in STRANGERS]
        first, *others = reranker.score(
            group["query"], [group["relevant"], *group["decoys"], *strangers]
        )
        if first <= max(others[: len(group["decoys"])]):
            wrong.append(group["id"])
        of_others += int(first > max(others))
    right = len(groups) - len(wrong)
    return {"groups": len(groups), "right": right, "also_others": of_others, "wrong": wrong}


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
