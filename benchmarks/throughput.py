"""Strings to scores, beside the peers' batching on the same graph: results/throughput.json.

Run as `python -m benchmarks.throughput [ROUNDS]`. Prediction, before the first run: 3.4x of one
padded batch and 1.5x of sorted 32 for MiniLM-L6 (padding accounts for 2.2x and 1.2x; the rest is the
cache and pair-parallel threads).
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness, workloads
from benchmarks.policies import PaddedBatches
from rerank_core import Reranker
from tests import graphs, tolerances

OURS, ONE_BATCH, SORTED_32 = "rerank-core", "one padded batch", "sorted, batches of 32"


def compare(root: Path, shape: graphs.Shape, rounds: int) -> dict[str, Any]:
    work = workloads.passages()
    directory = workloads.model_directory(root, shape)
    with Reranker(directory, raw_scores=True) as reranker:
        threads = reranker.info.threads
        contenders: dict[str, Any] = {
            OURS: reranker.score,
            ONE_BATCH: PaddedBatches(directory, threads=threads, rows=None, sort=False),
            SORTED_32: PaddedBatches(directory, threads=threads, rows=32, sort=True),
        }
        # Equal first, then timed.
        scores = {name: run(work.query, work.documents) for name, run in contenders.items()}
        differences = {
            name: float(np.abs(scores[name] - scores[OURS]).max()) for name in contenders
        }
        assert max(differences.values()) <= tolerances.LOGIT_SAME_GRAPH, differences
        seconds = harness.interleaved(
            {name: partial(run, work.query, work.documents) for name, run in contenders.items()},
            rounds,
        )
        before = reranker._engine.counters()
        reranker.score(work.query, work.documents)
        after = reranker._engine.counters()
    spent = {name: after[name] - before[name] for name in after}
    return {
        "workload": work.describe(),
        "threads": threads,
        "padding": spent["padded_tokens"] / spent["tokens"],
        "contenders": {
            name: {
                "ms": {key: 1e3 * value for key, value in harness.summary(times).items()},
                "ratio": harness.summary(
                    [theirs / ours for theirs, ours in zip(times, seconds[OURS], strict=True)]
                ),
                "largest_logit_difference": differences[name],
            }
            for name, times in seconds.items()
        },
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            result["shapes"][name] = compare(Path(root), shape, rounds)
            for contender, row in result["shapes"][name]["contenders"].items():
                print(
                    f"{name:<20} {contender:<22} {row['ms']['median']:8.1f} ms "
                    f"{row['ratio']['median']:5.2f}x  d {row['largest_logit_difference']:.1e}"
                )
    harness.write("throughput", result)


if __name__ == "__main__":
    main()
