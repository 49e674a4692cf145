"""The pace and the memory of jobs from 1,000 pairs on, each ten times the last: results/jobs_scaling.json.

Run as `python -m benchmarks.jobs_scaling [LARGEST]`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import harness, workloads
from benchmarks.jobs import job, write_rows
from benchmarks.memory import peak_and_now
from rerank_core import Reranker

SHAPE = "tiny (2 x 128)"


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    result: dict[str, Any] = {"machine": harness.machine(), "shape": SHAPE, "jobs": []}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        directory = workloads.model_directory(root, workloads.SHAPES[SHAPE])
        with Reranker(directory) as reranker:
            job(reranker, write_rows(root / "in.jsonl", 1000, 10), root / "job")
            pairs = 1000
            while pairs <= largest:
                path = write_rows(root / "in.jsonl", pairs, 10)
                begun = time.perf_counter()
                job(reranker, path, root / "job")
                seconds = time.perf_counter() - begun
                peak, _ = peak_and_now()
                result["jobs"].append({"pairs": pairs, "seconds": seconds, "peak_mb": peak})
                print(f"{pairs:>9,} pairs  {pairs / seconds:8,.0f}/s  peak {peak:.0f} MB")
                pairs *= 10
    harness.write("jobs_scaling", result)


if __name__ == "__main__":
    main()
