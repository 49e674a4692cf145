"""Strings to scores, beside the peers' batching on the same graph: results/throughput.json.

Run as `python -m benchmarks.throughput [ROUNDS]`. Prediction, before the first run: the padding of
each policy times 1.2, for activations that leave the cache and threads that split small operators.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, workloads
from benchmarks.policies import PaddedBatches
from rerank_core import Reranker
from tests import tolerances

if TYPE_CHECKING:
    from numpy.typing import NDArray

OURS, ONE_BATCH, SORTED_32 = "rerank-core", "one padded batch", "sorted, batches of 32"


def compare(directory: Path, draws: list[workloads.Workload], rounds: int) -> dict[str, Any]:
    """Compare the contenders on several draws of one workload, so that no single draw decides."""
    with Reranker(directory, raw_scores=True) as reranker:
        threads = reranker.info.threads
        contenders: dict[str, Any] = {
            OURS: reranker.score,
            ONE_BATCH: PaddedBatches(directory, threads=threads, rows=None, sort=False),
            SORTED_32: PaddedBatches(directory, threads=threads, rows=32, sort=True),
        }

        def run(name: str) -> NDArray[np.float32]:
            score = contenders[name]
            return np.concatenate([score(work.query, work.documents) for work in draws])

        # Equal first, then timed.
        scores = {name: run(name) for name in contenders}
        differences = {
            name: float(np.abs(scores[name] - scores[OURS]).max()) for name in contenders
        }
        assert max(differences.values()) <= tolerances.LOGIT_SAME_GRAPH, differences
        seconds = harness.interleaved({name: partial(run, name) for name in contenders}, rounds)
    return {
        "draws": [work.describe() for work in draws],
        "threads": threads,
        "contenders": {
            name: {
                "ms_per_request": {
                    key: 1e3 * value / len(draws) for key, value in harness.summary(times).items()
                },
                "ratio": harness.summary(
                    [theirs / ours for theirs, ours in zip(times, seconds[OURS], strict=True)]
                ),
                "padding": _padding(draws, name),
                "largest_logit_difference": differences[name],
            }
            for name, times in seconds.items()
        },
    }


def _padding(draws: list[workloads.Workload], name: str) -> float:
    """Give padded over real tokens of a contender's batches."""
    padded = total = 0
    for work in draws:
        rows = work.tokens + 11  # the query and the special tokens
        total += rows.sum()
        size = {OURS: 1, ONE_BATCH: len(rows), SORTED_32: 32}[name]
        ordered = np.sort(rows)[::-1]
        padded += sum(
            ordered[at] * len(ordered[at : at + size]) for at in range(0, len(ordered), size)
        )
    return float(padded / total)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    with tempfile.TemporaryDirectory() as root:
        for shape_name, shape in workloads.SHAPES.items():
            directory = workloads.model_directory(Path(root), shape)
            rows = result["shapes"][shape_name] = {}
            for name, sigma in workloads.SIGMAS.items():
                draws = [workloads.passages(sigma=sigma, seed=seed) for seed in range(3)]
                rows[name] = compare(directory, draws, rounds)
                for contender, row in rows[name]["contenders"].items():
                    print(
                        f"{shape_name:<20} {name:<16} {contender:<22} "
                        f"{row['ms_per_request']['median']:7.1f} ms {row['ratio']['median']:5.2f}x "
                        f"padding {row['padding']:.2f} d {row['largest_logit_difference']:.0e}",
                        flush=True,
                    )
    harness.write("throughput", result)


if __name__ == "__main__":
    main()
