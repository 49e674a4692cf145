"""What the readers of all formats give: records, and what is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BadRow", "Record"]


@dataclass(frozen=True)
class Record:
    """What a reader found in one place, not yet checked.

    Attributes:
        file: Name of the file.
        line: Where in it, from 1; None where the whole file is meant.
        original: What stands there, as JSON can hold it.
        value: Its fields.
    """

    file: str
    line: int | None
    original: Any
    value: Mapping[str, Any]


@dataclass(frozen=True)
class BadRow:
    """What cannot be scored, and why; fields as in `Record`."""

    file: str
    line: int | None
    original: Any
    reason: str
