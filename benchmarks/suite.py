"""The named workloads that contenders are compared on, each seeded, each with its lengths.

Text comes from the reference data where that is present (RERANK_CORE_DATA, or ../shared/data beside the
checkout); else it is made, with lengths drawn from a distribution that was fitted to the data.
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import workloads
from training import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

Request = tuple[str, list[str]]
DATA = Path(os.environ.get("RERANK_CORE_DATA", Path(__file__).parents[2] / "shared/data"))
BINS = (0, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 1 << 20)
LONG_WORDS = 300
LONGEST = 2500  # tokens of a made document
LANGUAGES = ("en", "de", "zh", "ar", "hi")


@dataclass(frozen=True)
class Named:
    """What a workload is: how many requests of how many documents, and who sends them.

    Attributes:
        requests: Queries.
        documents: Of each query.
        mean: Of the log-normal lengths of made documents, in tokens; fitted to the data.
        sigma: Of the logarithm.
        read: Gives the data's own queries and documents.
        callers: Threads that send requests at the same time.
        is_one_call: Whether all requests go in one call, where the library has such a call.
    """

    requests: int
    documents: int
    mean: float
    sigma: float
    read: Callable[[Path], Iterator[Request]]
    callers: int = 1
    is_one_call: bool = False


@dataclass(frozen=True)
class Work:
    """The requests of a named workload, and the tokens of each pair's document."""

    requests: list[Request]
    source: str  # "data" or "made"


def work(name: str, *, data: Path = DATA) -> Work:
    """Give the requests of a workload."""
    named = WORKLOADS[name]
    if data.is_dir():
        found = [row for row, _ in zip(named.read(data), range(named.requests), strict=False)]
        if any(len(documents) != named.documents for _, documents in found):
            raise ValueError(f"{data} has too few documents for the workload {name!r}")
        return Work(found, "data")
    requests = []
    for seed in range(named.requests):
        made = workloads.passages(
            named.documents, mean=named.mean, sigma=named.sigma, longest=LONGEST, seed=seed
        )
        requests.append((made.query, made.documents))
    return Work(requests, "made")


def histogram(lengths: NDArray[np.int64]) -> list[int]:
    """Count lengths by `BINS`; a bin holds its lower edge."""
    return [int(count) for count in np.histogram(lengths, BINS)[0]]


def _passages(documents: int) -> Callable[[Path], Iterator[Request]]:
    """BM25's top hundreds of TREC DL, one query after another, until a request is full."""

    def read(data: Path) -> Iterator[Request]:
        found = _trec(data)
        step = -(-documents // 100)
        for at in range(0, len(found) - step + 1, step):
            texts = [text for _, passages in found[at : at + step] for text in passages]
            yield found[at][0], texts[:documents]

    return read


@cache
def _trec(data: Path) -> list[tuple[str, list[str]]]:
    found = [
        (collection.queries[query], [collection.documents[name] for name in names])
        for collection in (judged.read(data, "dl19"), judged.read(data, "dl20"))
        for query, names in collection.candidates.items()
    ]
    return [row for row in found if len(row[1]) == 100]


@cache
def _answers(data: Path) -> list[dict[str, Any]]:
    with gzip.open(data / "training/medquad/medquad_qa.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if row.get("answer") and row.get("question")]
    return [rows[at] for at in np.random.default_rng(0).permutation(len(rows))]


def _medquad(documents: int, words: int) -> Callable[[Path], Iterator[Request]]:
    """Questions, each with answers of at least so many words, its own first."""

    def read(data: Path) -> Iterator[Request]:
        rows = [row for row in _answers(data) if len(row["answer"].split()) >= words]
        for at in range(0, len(rows), documents):
            part = rows[at : at + documents]
            yield part[0]["question"], [row["answer"] for row in part]

    return read


def _titles(documents: int) -> Callable[[Path], Iterator[Request]]:
    def read(data: Path) -> Iterator[Request]:
        with gzip.open(
            data / "collections/scifact/corpus.jsonl.gz", "rt", encoding="utf-8"
        ) as file:
            titles = [json.loads(line)["title"] for line in file]
        collection = judged.read(data, "scifact")
        for at, query in enumerate(collection.candidates):
            yield collection.queries[query], titles[at * documents : (at + 1) * documents]

    return read


def _squad(documents: int) -> Callable[[Path], Iterator[Request]]:
    """A question in each language, with paragraphs of that language."""

    def read(data: Path) -> Iterator[Request]:
        for language in LANGUAGES:
            text = (data / f"collections/xquad/xquad.{language}.json").read_text(encoding="utf-8")
            parts = [part for article in json.loads(text)["data"] for part in article["paragraphs"]]
            yield parts[0]["qas"][0]["question"], [part["context"] for part in parts[:documents]]

    return read


WORKLOADS = {
    "passages": Named(1, 100, 80, 0.35, _passages(100)),
    "titles": Named(1, 200, 18, 0.45, _titles(200)),
    "long documents": Named(1, 20, 720, 0.5, _medquad(20, LONG_WORDS)),
    "mixed, heavy tail": Named(1, 64, 215, 0.85, _medquad(64, 1)),
    "1 x 1,000": Named(1, 1000, 80, 0.4, _passages(1000)),
    "64 callers of 10": Named(64, 10, 80, 0.4, _passages(10), callers=64),
    "50 queries x 4": Named(50, 4, 80, 0.4, _passages(4), is_one_call=True),
    "multilingual": Named(5, 12, 310, 0.65, _squad(12)),
}
