"""JSON lines: an object in each line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rerank_core.records.lines import numbered_lines
from rerank_core.records.record import BadRow, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["read_jsonl"]


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
