"""Figures of a verification, and the table that shows them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Figure", "quoted", "table"]

_VERDICTS = {None: "", True: "ok", False: "FAILED"}


@dataclass(frozen=True)
class Figure:
    """One line of a verification.

    Attributes:
        name: What was looked at.
        found: What was found, as text.
        allowed: What is allowed, as text; empty where nothing is asked.
        passed: Whether it is; None where it decides nothing.
        why: What is wrong, for an error; empty unless passed is False.
    """

    name: str
    found: str
    allowed: str = ""
    passed: bool | None = None
    why: str = ""


def table(figures: Sequence[Figure]) -> str:
    """Give figures as lines of text, in columns as wide as the terminal lets them be."""
    rows = [("", "found", "allowed", "")] + [
        (_plain(each.name), _plain(each.found), _plain(each.allowed), _VERDICTS[each.passed])
        for each in figures
    ]
    names, values, limits, verdicts = (max(map(len, column)) for column in zip(*rows, strict=True))
    # What is too wide is cut: names first, then values, but neither beyond recognition.
    room = shutil.get_terminal_size().columns - limits - verdicts - 6
    names = min(names, max(room - values, 28))
    values = min(values, max(room - names, 24))
    return "\n".join(
        f"{_cut(name, names)}  {_cut(found, values)}  {allowed:<{limits}}  {verdict}".rstrip()
        for name, found, allowed, verdict in rows
    )


def quoted(text: str, longest: int = 60) -> str:
    """Give the start of a text in quotes, on one line, without what a terminal would obey."""
    start = _plain(text[: 4 * longest])
    is_whole = len(text) <= 4 * longest and len(start) <= longest
    return f"'{start}'" if is_whole else f"'{start[:longest].rstrip()}...'"


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cut(text: str, width: int) -> str:
    """Fill or shorten to a width; names that begin alike often differ at their end."""
    if len(text) <= width:
        return f"{text:<{width}}"
    tail = (width - 3) // 2
    return f"{text[: width - 3 - tail]}...{text[-tail:]}"
