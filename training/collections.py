"""Reads the judged collections: for evaluation, and for keeping their text out of training."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JUDGED = ("cranfield", "cisi", "medline", "scifact")
TREC = ("dl19", "dl20")
NAMES = (*JUDGED, *TREC)


@dataclass(frozen=True)
class Candidates:
    """What a first stage found for a query, in its order, and what the judges said."""

    query: str
    texts: tuple[str, ...]
    gains: tuple[int, ...]  # of the candidates
    ideal: tuple[int, ...]  # every judged gain of the query, found or not


def candidates(data: Path, name: str) -> list[Candidates]:
    """The queries with at least one relevant document, each with BM25's top 100."""
    folder = data / "collections"
    return _trec(folder, name) if name in TREC else _judged(folder / name)


def text(data: Path) -> dict[str, tuple[list[str], list[str]]]:
    """The queries and the documents of every collection, xquad's English ones too."""
    folder = data / "collections"
    found = {}
    for name in JUDGED:
        queries = sorted((folder / name).glob("queries*.jsonl"))
        found[name] = (
            [row["text"] for path in queries for row in _rows(path)],
            [_text(row) for row in _rows(_corpus(folder / name))],
        )
    squad = json.loads((folder / "xquad/xquad.en.json").read_text(encoding="utf-8"))
    paragraphs = [part for article in squad["data"] for part in article["paragraphs"]]
    found["xquad"] = (
        [row["question"] for part in paragraphs for row in part["qas"]],
        [part["context"] for part in paragraphs],
    )
    for name in TREC:
        rows = _rows(_trec_file(folder, name, "bm25"))
        documents = {row["text"] for query in rows for row in query["candidates"]}
        found[name] = ([row["query"] for row in rows], sorted(documents))
    return found


def _judged(folder: Path) -> list[Candidates]:
    split = ".test" if (folder / "qrels.test.tsv").exists() else ""
    texts = {row["_id"]: _text(row) for row in _rows(_corpus(folder))}
    judged: dict[str, dict[str, int]] = {}
    for query, document, gain in _table(folder / f"qrels{split}.tsv"):
        judged.setdefault(query, {})[document] = int(float(gain))
    ranked: dict[str, list[str]] = {}
    for query, document, *_ in _table(folder / "bm25.top100.run.tsv.gz"):
        ranked.setdefault(query, []).append(document)
    return [
        Candidates(
            row["text"],
            tuple(texts[document] for document in ranked[row["_id"]]),
            tuple(max(0, gains.get(document, 0)) for document in ranked[row["_id"]]),
            tuple(gains.values()),
        )
        for row in _rows(folder / f"queries{split}.jsonl")
        if max((gains := judged.get(row["_id"], {})).values(), default=0) > 0
        and row["_id"] in ranked
    ]


def _trec(folder: Path, name: str) -> list[Candidates]:
    """The ideal order is that of every judged passage that is here: BM25's and SPLADE's lists."""
    also = {row["qid"]: row["candidates"] for row in _rows(_trec_file(folder, name, "splade"))}
    found = []
    for row in _rows(_trec_file(folder, name, "bm25")):
        gains = {
            passage["docid"]: passage["rel"] or 0
            for passage in [*also.get(row["qid"], []), *row["candidates"]]
        }
        if max(gains.values()) > 0:
            found.append(
                Candidates(
                    row["query"],
                    tuple(passage["text"] for passage in row["candidates"]),
                    tuple(gains[passage["docid"]] for passage in row["candidates"]),
                    tuple(gains.values()),
                )
            )
    return found


def _trec_file(folder: Path, name: str, stage: str) -> Path:
    return folder / f"trec-dl/{name}.{stage}.top100.jsonl.gz"


def _corpus(folder: Path) -> Path:
    return folder / "corpus.jsonl.gz"


def _text(row: dict[str, Any]) -> str:
    return f"{row.get('title', '')} {row['text']}".strip()


def _rows(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def _table(path: Path) -> list[list[str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
