"""A job on two single-thread actors of Ray beside the two-thread engine: results/jobs_ray.json.

Run as `python -m benchmarks.jobs_ray [ROUNDS] [PAIRS]`, in the environment with Ray. What a job of a few pairs takes is
taken off: the start of actors counts for nothing in hours.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import ray

from benchmarks import harness, workloads
from benchmarks.jobs import write_rows
from rerank_core import jobs

THREADS = 2
FEW = 200  # pairs


def seconds_of(path: Path, out: Path, directory: Path, *, on_ray: bool) -> float:
    options: dict[str, Any] = {"reranker_options": {"threads": THREADS}}
    if on_ray:
        options = {"ray": "auto", "actors": THREADS, "reranker_options": {"threads": 1}}
    begun = time.perf_counter()
    jobs.run(path, out, model=str(directory), **options)
    return time.perf_counter() - begun


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 60_000
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "pairs": pairs}
    ray.init(num_cpus=THREADS, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        directory = workloads.model_directory(root, workloads.SHAPES["tiny (2 x 128)"])
        few = write_rows(root / "few.jsonl", FEW, 10)
        many = write_rows(root / "many.jsonl", pairs, 10)
        took: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(rounds):
            for on_ray, found in took.items():
                spent = [
                    seconds_of(
                        path, root / f"{path.stem}-{on_ray}-{turn}", directory, on_ray=on_ray
                    )
                    for path in (few, many)
                ]
                found.append(spent[1] - spent[0])
        parts = [
            [part.read_bytes() for part in sorted((root / f"many-{on_ray}-0").glob("part-*"))]
            for on_ray in took
        ]
        assert parts[0] == parts[1]
    ray.shutdown()
    result["of_engine"] = harness.summary(list(np.array(took[False]) / np.array(took[True])))
    result["start_seconds"] = spent[0]
    print(f"Ray: {result['of_engine']['median']:.1%} of the engine's pace")
    harness.write("jobs_ray", result)


if __name__ == "__main__":
    main()
