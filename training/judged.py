"""The judged collections as `rerank_core.eval` reads them: the queries that have a relevant document."""

from __future__ import annotations

from pathlib import Path

from rerank_core.eval import Collection, read_collection

from . import collections

NAMES = (*collections.JUDGED, *collections.TREC)


def read(data: Path, name: str) -> Collection:
    """Read a collection with BM25's first hundred."""
    folder = data / "collections"
    if name in collections.TREC:
        return _trec(folder, name)
    return read_collection(folder / name, run=folder / name / "bm25.top100.run.tsv.gz")


def _trec(folder: Path, name: str) -> Collection:
    """Judged is every passage that is here and was judged: BM25's and SPLADE's lists."""
    first, other = (collections.trec(folder, name, stage) for stage in ("bm25", "splade"))
    qrels: dict[str, dict[str, int]] = {row["qid"]: {} for row in first}
    for row in [*other, *first]:
        if row["qid"] in qrels:
            judged = {p["docid"]: p["rel"] for p in row["candidates"] if p["rel"] is not None}
            qrels[row["qid"]].update(judged)
    return Collection(
        name,
        queries={row["qid"]: row["query"] for row in first},
        documents={p["docid"]: p["text"] for row in first for p in row["candidates"]},
        qrels=qrels,
        run={row["qid"]: {p["docid"]: p["score"] for p in row["candidates"]} for row in first},
    )
