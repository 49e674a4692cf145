"""JSON lines: an object for each row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from rerank_core.jobs.results import Ranked

__all__ = ["JsonLinesWriter"]


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
