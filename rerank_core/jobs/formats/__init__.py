"""The formats of input and output: one file each, which knows nothing of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

from rerank_core.errors import InvalidArgumentError
from rerank_core.jobs.formats.jsonl import JsonLinesWriter
from rerank_core.jobs.formats.trec import RunWriter, read_candidates
from rerank_core.records.jsonl import read_jsonl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rerank_core.jobs.files import InputFile, InputFiles
    from rerank_core.jobs.results import Ranked
    from rerank_core.jobs.settings import Settings
    from rerank_core.records.record import BadRow, Record

__all__ = ["Writer", "format_of", "read", "writer"]

_SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".trec": "trec",
    ".run": "trec",
    ".tsv": "trec",
    ".txt": "trec",
}


class Writer(Protocol):
    """Writes results to a stream in one format."""

    def write(self, ranked: Ranked) -> None:
        """Add the result of one row."""

    def close(self) -> None:
        """Write what is left; the stream stays open."""


def format_of(file: InputFile) -> str:
    """Tell the format of a file by its name.

    Raises:
        InvalidArgumentError: The name does not tell.
    """
    found = _SUFFIXES.get(file.suffix)
    if found is None:
        raise InvalidArgumentError(
            f"the name of '{file.name}' does not tell its format; give input_format (--from)"
        )
    return found


def read(files: InputFiles, form: str) -> Iterator[Record | BadRow]:
    """Give the records of all files, in order."""
    for file in files.files:
        with files.reading(file) as stream:
            yield from _reader(form)(stream, file.name)


def _reader(form: str) -> Callable[[BinaryIO, str], Iterator[Record | BadRow]]:
    if form == "jsonl":
        return read_jsonl
    if form == "trec":
        return read_candidates
    from rerank_core.jobs.formats import arrow  # noqa: PLC0415  (pyarrow only where it is needed)

    return arrow.read_parquet if form == "parquet" else arrow.read_arrow


def writer(settings: Settings, stream: BinaryIO) -> Writer:
    """Give what writes the output format."""
    if settings.output_format == "jsonl":
        return JsonLinesWriter(stream, return_documents=settings.return_documents)
    if settings.output_format == "trec":
        return RunWriter(stream, settings.tag)
    from rerank_core.jobs.formats.arrow import ArrowWriter  # noqa: PLC0415  (as above)

    return ArrowWriter(stream, settings.output_format)
