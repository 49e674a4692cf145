"""Ranking quality on the judged collections, int8 beside fp32: results/quality.json.

Run as `python -m benchmarks.quality DATA NAME=MODEL ...`, DATA being the folder of reference data. Each
model reranks BM25's first hundred; later ones are compared with the first, query by query.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks import harness
from rerank_core import Reranker
from rerank_core.eval import evaluate, rerank_run
from training import collections, judged

# What counts as found by measures without gains: TREC Deep Learning's rule (Craswell et al. 2020).
RELEVANT = dict.fromkeys(collections.TREC, 2)


def measure(data: Path, name: str, models: dict[str, str]) -> dict[str, Any]:
    collection = judged.read(data, name)
    runs = {}
    for system, model in models.items():
        with Reranker(model) as reranker:
            runs[system] = rerank_run(reranker, collection)
    return evaluate(collection, runs, relevant=RELEVANT.get(name, 1)).to_dict()


def main() -> None:
    data = Path(sys.argv[1])
    models = dict(given.split("=", 1) for given in sys.argv[2:])
    result: dict[str, Any] = {"machine": harness.machine(), "models": {}, "collections": {}}
    for system, model in models.items():
        with Reranker(model) as reranker:
            result["models"][system] = {"model": model, "precision": reranker.info.precision}
    for name in judged.NAMES:
        row = result["collections"][name] = measure(data, name, models)
        means = {system: f"{means['nDCG@10']:.4f}" for system, means in row["systems"].items()}
        print(name, means, flush=True)
    harness.write("quality", result)


if __name__ == "__main__":
    main()
