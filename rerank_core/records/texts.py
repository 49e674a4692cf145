"""Collections of texts by id: BEIR's JSON lines, or tables of id and text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.records.jsonl import read_jsonl
from rerank_core.records.lines import numbered_lines
from rerank_core.records.record import BadRow, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["read_texts"]

_IDS = ("_id", "id")


def read_texts(stream: Iterable[bytes], name: str, suffix: str) -> Iterator[Record | BadRow]:
    """Give each text as a record whose value has an ``id``, a string, and its other fields.

    Args:
        stream: Lines of JSON objects with ``_id`` or ``id``; or, if the suffix is ".tsv" or ".txt", of an
            id, a tab and a text.
        name: What messages call the file.
        suffix: Of the file's name.
    """
    if suffix in (".tsv", ".txt"):
        yield from _table(stream, name)
        return
    for record in read_jsonl(stream, name):
        if isinstance(record, BadRow):
            yield record
            continue
        key = next((key for key in _IDS if key in record.value), None)
        found = record.value.get(key) if key else None
        if isinstance(found, bool) or not isinstance(found, (str, int)):
            reason = (
                f"each object needs an '_id' or 'id' that is a string or a number, got {found!r}"
            )
            yield BadRow(name, record.line, record.original, reason)
            continue
        value = {**record.value, "id": str(found)}
        yield Record(name, record.line, record.original, value)


def _table(stream: Iterable[bytes], name: str) -> Iterator[Record | BadRow]:
    for line in numbered_lines(stream, name):
        if isinstance(line, BadRow):
            yield line
            continue
        number, text = line
        key, tab, rest = text.partition("\t")
        if tab:
            yield Record(name, number, text, {"id": key, "text": rest})
        else:
            yield BadRow(name, number, text, "a line must be an id, a tab and a text")
