"""Run files reranked by jobs and judged: results/reranked_runs.json.

Run as `python -m benchmarks.reranked_runs DATA`, with the judged collections in DATA. nDCG@10 is that of the files: of
the lines that stand there, in their order.
"""

from __future__ import annotations

import csv
import gzip
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness
from rerank_core import Reranker, jobs
from training.collections import JUDGED
from training.metrics import ndcg

if TYPE_CHECKING:
    from collections.abc import Iterable

Run = dict[str, list[str]]


def rerank(folder: Path, out: Path, reranker: Reranker) -> jobs.Report:
    (queries,) = [*folder.glob("queries.test.jsonl"), *folder.glob("queries.jsonl")][:1]
    return jobs.run(
        folder / "bm25.top100.run.tsv.gz",
        out,
        model=reranker,
        input_format="trec",
        corpus=folder / "corpus.jsonl.gz",
        queries=queries,
        rank_fields=["title", "text"],
    )


def judgments(folder: Path) -> dict[str, dict[str, int]]:
    (path,) = [*folder.glob("qrels.test.tsv"), *folder.glob("qrels.tsv")][:1]
    judged: dict[str, dict[str, int]] = {}
    with path.open(newline="") as file:
        for query, document, gain in list(csv.reader(file, delimiter="\t"))[1:]:
            judged.setdefault(query, {})[document] = int(float(gain))
    return judged


def run_of(lines: Iterable[str], column: int) -> Run:
    run: Run = {}
    for line in lines:
        columns = line.split()
        run.setdefault(columns[0], []).append(columns[column])
    return run


def quality(run: Run, judged: dict[str, dict[str, int]]) -> float:
    """Give nDCG@10, the mean over the queries that have a relevant document."""
    values = [
        ndcg([max(0, known.get(document, 0)) for document in run.get(query, [])], gains)
        for query, known in judged.items()
        if max(gains := list(known.values())) > 0 and query in run
    ]
    return float(np.mean(values))


def main() -> None:
    data = Path(sys.argv[1]) / "collections"
    result: dict[str, Any] = {"machine": harness.machine(), "collections": {}}
    with tempfile.TemporaryDirectory() as root, Reranker() as reranker:
        for name in JUDGED:
            report = rerank(data / name, Path(root) / name, reranker)
            judged = judgments(data / name)
            with gzip.open(data / name / "bm25.top100.run.tsv.gz", "rt") as file:
                before = run_of(list(file)[1:], 1)
            lines = [
                line
                for part in sorted((Path(root) / name).glob("part-*"))
                for line in part.read_text().splitlines()
            ]
            row = result["collections"][name] = {
                "queries": report.rows,
                "bad_rows": report.bad_rows,
                "bad_texts": report.bad_texts,
                "pairs": report.pairs,
                "before": quality(before, judged),
                "after": quality(run_of(lines, 2), judged),
            }
            print(name, row)
    harness.write("reranked_runs", result)


if __name__ == "__main__":
    main()
