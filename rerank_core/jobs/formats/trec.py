"""Run files as TREC has them, and the tables of them that others write."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from rerank_core.jobs.formats.lines import numbered_lines
from rerank_core.jobs.records import BadRow, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rerank_core.jobs.results import Ranked

__all__ = ["RunWriter", "read_run"]

_COLUMNS = 6  # query id, Q0, document id, rank, score, tag
_TABLES = (2, 3, 4)  # query id, document id, and then rank, or rank and score


def read_run(stream: Iterable[bytes], name: str) -> Iterator[Record | BadRow]:
    """Give the candidates of each query, in the order of the file.

    A line is ``query_id Q0 document_id rank score tag``; or, in a table, ``query_id document_id`` with or
    without rank and score. A first line of names is passed over. The lines of a query stand together.
    """
    lines: list[str] = []
    candidates: list[str] = []
    query, first = "", 0

    def record() -> Iterator[Record]:
        if candidates:
            value = {"query_id": query, "candidates": candidates}
            yield Record(name, first, lines, value)

    for line in numbered_lines(stream, name):
        if isinstance(line, BadRow):
            yield line
            continue
        number, text = line
        columns = text.split()
        if number == 1 and _is_head(columns):
            continue
        reason = _fault(columns)
        if reason:
            yield BadRow(name, number, text, reason)
            continue
        if columns[0] != query or not candidates:
            yield from record()
            lines, candidates, query, first = [], [], columns[0], number
        lines.append(text)
        candidates.append(columns[2 if len(columns) == _COLUMNS else 1])
    yield from record()


def _is_head(columns: list[str]) -> bool:
    return len(columns) in _TABLES and columns[0].lower().replace("_", "-") in {
        "qid",
        "query",
        "query-id",
    }


def _fault(columns: list[str]) -> str | None:
    if len(columns) not in (*_TABLES, _COLUMNS):
        return (
            f"a line must have {_COLUMNS} columns (query_id Q0 document_id rank score tag), or those of a "
            f"table (query_id document_id rank score), got {len(columns)}"
        )
    for value in columns[3:5] if len(columns) == _COLUMNS else columns[2:]:
        try:
            float(value)
        except ValueError:
            return f"rank and score must be numbers, got {value!r}"
    return None


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
