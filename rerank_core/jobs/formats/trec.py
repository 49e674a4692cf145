"""Run files: the candidates in them, and those that a job writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from rerank_core.records.record import BadRow, Record
from rerank_core.records.runs import read_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rerank_core.jobs.results import Ranked

__all__ = ["RunWriter", "read_candidates"]


def read_candidates(stream: Iterable[bytes], name: str) -> Iterator[Record | BadRow]:
    """Give the candidates of each query, in the order of a run file; the lines of a query stand together."""
    lines: list[str] = []
    candidates: list[str] = []
    query, first = "", 0

    def record() -> Iterator[Record]:
        if candidates:
            value = {"query_id": query, "candidates": candidates}
            yield Record(name, first, lines, value)

    for line in read_run(stream, name):
        if isinstance(line, BadRow):
            yield line
            continue
        if line.query != query or not candidates:
            yield from record()
            lines, candidates, query, first = [], [], line.query, line.number
        lines.append(line.original)
        candidates.append(line.document)
    yield from record()


class RunWriter:
    """Writes a run file, ranks from 1."""

    def __init__(self, stream: BinaryIO, tag: str) -> None:
        self._stream = stream
        self._tag = tag

    def write(self, ranked: Ranked) -> None:
        row = ranked.row
        lines = [
            f"{row.query_id} Q0 {row.names[index]} {rank} {score!r} {self._tag}\n"
            for rank, (index, score) in enumerate(
                zip(ranked.order, ranked.scores, strict=True), start=1
            )
        ]
        self._stream.write("".join(lines).encode())

    def close(self) -> None:
        pass
