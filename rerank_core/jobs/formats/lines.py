"""Lines of text files: UTF-8, numbered from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.jobs.files import is_fault_of_content
from rerank_core.jobs.records import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["numbered_lines"]


def numbered_lines(stream: Iterable[bytes], name: str) -> Iterator[tuple[int, str] | BadRow]:
    """Give the lines that are not blank, with their numbers; bad rows for what is no text.

    A file that breaks off, a truncated gzip say, ends with a bad row; a disk or network that fails is an error.
    """
    number = 0
    try:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                original = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
                yield BadRow(name, number, original, f"not UTF-8: {error}")
                continue
            if text and not text.isspace():
                yield number, text
    except Exception as error:
        if not is_fault_of_content(error):
            raise
        yield BadRow(name, number + 1, None, f"the file breaks off after line {number}: {error}")
