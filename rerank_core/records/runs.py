"""Run files as TREC has them, and the tables of them that others write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rerank_core.records.lines import numbered_lines
from rerank_core.records.record import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["RunLine", "read_run"]

# Number of columns: which are the document's, the rank's and the score's. The query's is the first.
_COLUMNS = {
    6: (2, 3, 4),  # TREC's: query id, Q0, document id, rank, score, tag
    4: (1, 2, 3),  # the same without the constants
    3: (1, 2, None),  # MS MARCO's
    2: (1, None, None),
}
_HEADS = {"qid", "query", "query-id"}


@dataclass(frozen=True)
class RunLine:
    """A document that was found for a query.

    Attributes:
        number: Of the line, from 1.
        original: The line.
        query: Id of the query.
        document: Id of the document.
        rank: Its rank, where the file has one.
        score: Its score, where the file has one.
    """

    number: int
    original: str
    query: str
    document: str
    rank: float | None
    score: float | None


def read_run(stream: Iterable[bytes], name: str) -> Iterator[RunLine | BadRow]:
    """Give what was found, in the order of the file.

    A line is ``query_id Q0 document_id rank score tag``; or, in a table, ``query_id document_id`` with or
    without rank and score. A first line of names is passed over.

    Args:
        stream: The lines.
        name: What messages call the file.
    """
    is_first = True
    for line in numbered_lines(stream, name):
        if isinstance(line, BadRow):
            yield line
            continue
        number, text = line
        columns = text.split()
        is_head, is_first = is_first and _is_head(columns), False
        if is_head:
            continue
        if len(columns) not in _COLUMNS:
            reason = (
                "a line must have 6 columns (query_id Q0 document_id rank score tag), or those of a table "
                f"(query_id document_id rank score), got {len(columns)}"
            )
            yield BadRow(name, number, text, reason)
            continue
        document, *places = _COLUMNS[len(columns)]
        told = [None if place is None else columns[place] for place in places]
        wrong = next((value for value in told if value and not _is_number(value)), None)
        if wrong is not None:
            yield BadRow(name, number, text, f"rank and score must be numbers, got {wrong!r}")
            continue
        rank, score = (None if value is None else float(value) for value in told)
        yield RunLine(number, text, columns[0], columns[document], rank, score)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _is_head(columns: list[str]) -> bool:
    return len(columns) < max(_COLUMNS) and columns[0].lower().replace("_", "-") in _HEADS
