"""What a job costs beside the engine, and gains over a loop of calls: results/jobs.json.

Run as `python -m benchmarks.jobs [ROUNDS]`. The engine has all pairs in memory and scores them in one
call; the loop reads a row, calls `rerank`, writes a row; the job does all of that, and syncs it to disk. What a job
of one pair takes, mostly for the hash of the model, is told apart. Scores are compared before anything is timed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, workloads
from rerank_core import Reranker, jobs

if TYPE_CHECKING:
    from collections.abc import Callable

# Pairs of each round: some seconds' worth.
PAIRS = {"MiniLM-L6 (6 x 384)": 1_200, "tiny (2 x 128)": 24_000}
DOCUMENTS = {"ten documents a query": 10, "four documents a query": 4}
MEAN_TOKENS = 24


def write_rows(path: Path, pairs: int, documents: int) -> Path:
    """Write queries with short documents, all different."""
    work = workloads.passages(min(pairs, 20_000), mean=MEAN_TOKENS)
    with path.open("w") as file:
        for start in range(0, pairs, documents):
            texts = [
                f"{number} {work.documents[number % len(work.documents)]}"
                for number in range(start, start + documents)
            ]
            file.write(json.dumps({"query": f"{work.query} {start}", "documents": texts}) + "\n")
    return path


def loop(reranker: Reranker, path: Path, out: Path) -> None:
    with path.open() as lines, out.open("w") as file:
        for line in lines:
            row = json.loads(line)
            result = reranker.rerank(row["query"], row["documents"], return_documents=False)
            file.write(json.dumps(result.to_dict()["data"]) + "\n")


def job(reranker: Reranker, path: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    jobs.run(path, out, model=reranker)


def pairs_of(path: Path) -> tuple[list[str], list[str]]:
    rows = [json.loads(line) for line in path.open()]
    queries = [row["query"] for row in rows for _ in row["documents"]]
    return queries, [document for row in rows for document in row["documents"]]


def check(path: Path, loop_out: Path, job_out: Path) -> None:
    ours = [line for part in sorted(job_out.glob("part-*")) for line in part.open()]
    for one, other in zip(loop_out.open(), ours, strict=True):
        assert json.loads(one) == json.loads(other)["data"], path


def measure(directory: Path, root: Path, pairs: int, documents: int, rounds: int) -> dict[str, Any]:
    path = write_rows(root / "in.jsonl", pairs, documents)
    one = write_rows(root / "one.jsonl", 1, 1)
    queries, texts = pairs_of(path)
    with Reranker(directory) as reranker:
        contenders: dict[str, Callable[[], Any]] = {
            "engine": lambda: reranker.score_pairs(queries, texts),
            "job": lambda: job(reranker, path, root / "job"),
            "loop": lambda: loop(reranker, path, root / "loop"),
            "start": lambda: job(reranker, one, root / "one"),
        }
        contenders["loop"]()
        contenders["job"]()
        check(path, root / "loop", root / "job")
        seconds = harness.interleaved(contenders, rounds)
    took = {name: np.array(found) for name, found in seconds.items()}
    return {
        "pairs": len(texts),
        "pairs_per_second": harness.summary(list(len(texts) / took["job"])),
        "start_seconds": harness.summary(seconds["start"]),
        "of_engine": harness.summary(list(took["engine"] / (took["job"] - took["start"]))),
        "times_loop": harness.summary(list(took["loop"] / took["job"])),
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "rounds": rounds,
        "mean_tokens": MEAN_TOKENS,
        "shapes": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, shape in workloads.SHAPES.items():
            directory = workloads.model_directory(root, shape)
            rows = result["shapes"][name] = {}
            for work, documents in DOCUMENTS.items():
                row = rows[work] = measure(directory, root, PAIRS[name], documents, rounds)
                print(
                    f"{name:<20} {work:<24} {row['of_engine']['median']:.1%} of the engine, "
                    f"{row['times_loop']['median']:.2f}x the loop"
                )
    harness.write("jobs", result)


if __name__ == "__main__":
    main()
