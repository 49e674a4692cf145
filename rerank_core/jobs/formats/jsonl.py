"""JSON lines: an object in each line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

from rerank_core.jobs.formats.lines import numbered_lines
from rerank_core.jobs.records import BadRow, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rerank_core.jobs.results import Ranked

__all__ = ["JsonLinesWriter", "read_jsonl"]


def read_jsonl(stream: Iterable[bytes], name: str) -> Iterator[Record | BadRow]:
    """Give the object of each line."""
    for line in numbered_lines(stream, name):
        if isinstance(line, BadRow):
            yield line
            continue
        number, text = line
        try:
            value = json.loads(text)
        except (RecursionError, ValueError) as error:
            yield BadRow(name, number, text, f"not JSON: {error}")
            continue
        if isinstance(value, dict):
            yield Record(name, number, text, value)
        else:
            reason = f"each line must hold a JSON object, not {type(value).__name__}"
            yield BadRow(name, number, text, reason)


class JsonLinesWriter:
    """Writes a line for each row."""

    def __init__(self, stream: BinaryIO, *, return_documents: bool) -> None:
        self._stream = stream
        self._return_documents = return_documents

    def write(self, ranked: Ranked) -> None:
        row = ranked.row
        said: dict[str, Any] = {"row": ranked.number}
        if row.query_id is not None:
            said["query_id"] = row.query_id
        said["query"] = row.query
        hits = said["data"] = []
        for index, score in zip(ranked.order, ranked.scores, strict=True):
            hit: dict[str, Any] = {"index": index, "score": score}
            if row.names[index] is not None:
                hit["id"] = row.names[index]
            if self._return_documents and row.documents is not None:
                hit["document"] = row.documents[index]
            hits.append(hit)
        self._stream.write(_encoded(said) + b"\n")

    def close(self) -> None:
        pass


def _encoded(said: dict[str, Any]) -> bytes:
    try:
        return json.dumps(said, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:  # a lone surrogate in a field of a document that is given back
        return json.dumps(said, default=str).encode()
