"""Reads the text of the judged collections, to keep it out of training."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

JUDGED = ("cranfield", "cisi", "medline", "scifact")
TREC = ("dl19", "dl20")


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
        rows = trec(folder, name, "bm25")
        documents = {row["text"] for query in rows for row in query["candidates"]}
        found[name] = ([row["query"] for row in rows], sorted(documents))
    return found


def trec(folder: Path, name: str, stage: str) -> list[dict[str, Any]]:
    """The queries of a TREC collection, each with the first hundred passages that a stage found."""
    return _rows(folder / f"trec-dl/{name}.{stage}.top100.jsonl.gz")


def _corpus(folder: Path) -> Path:
    return folder / "corpus.jsonl.gz"


def _text(row: dict[str, Any]) -> str:
    return f"{row.get('title', '')} {row['text']}".strip()


def _rows(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
