"""Lines of text files: UTF-8, numbered from 1."""

from __future__ import annotations

import lzma
import zlib
from typing import TYPE_CHECKING

from rerank_core.records.record import BadRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["is_fault_of_content", "numbered_lines"]


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


def is_fault_of_content(error: Exception) -> bool:
    """Tell whether reading failed for what a file holds, rather than for its disk or network.

    Decompressors raise OSError, too, but without a number of the system.
    """
    if isinstance(error, OSError):
        return error.errno is None
    return isinstance(error, (EOFError, zlib.error, lzma.LZMAError))
