"""Parquet and Arrow files: read by row group, written as one row for each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rerank_core.records.lines import is_fault_of_content
from rerank_core.records.record import BadRow, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rerank_core.jobs.results import Ranked

__all__ = ["ArrowWriter", "read_arrow", "read_parquet"]

_ROWS_READ = 1024
_ROWS_WRITTEN = 8192  # of a row group
_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("query_id", pa.string()),
        ("index", pa.int32()),
        ("id", pa.string()),
        ("score", pa.float64()),
    ]
)


def read_parquet(stream: BinaryIO, name: str) -> Iterator[Record | BadRow]:
    """Give the rows of a Parquet file."""

    def batches() -> Iterator[pa.RecordBatch]:
        yield from pq.ParquetFile(stream).iter_batches(batch_size=_ROWS_READ)

    return _records(batches(), name)


def read_arrow(stream: BinaryIO, name: str) -> Iterator[Record | BadRow]:
    """Give the rows of an Arrow (IPC, Feather) file."""

    def batches() -> Iterator[pa.RecordBatch]:
        file = pa.ipc.open_file(stream)
        for index in range(file.num_record_batches):
            yield file.get_batch(index)

    return _records(batches(), name)


def _records(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[Record | BadRow]:
    number = 0
    try:
        for batch in batches:
            for value in batch.to_pylist():
                number += 1
                yield Record(name, number, value, value)
    except Exception as error:
        if not (isinstance(error, (pa.ArrowException, ValueError)) or is_fault_of_content(error)):
            raise
        yield BadRow(name, number + 1, None, f"the file cannot be read after row {number}: {error}")


class ArrowWriter:
    """Writes a row for each pair: row of the input, query_id, index, id, score."""

    def __init__(self, stream: BinaryIO, form: str) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
        if form == "parquet":
            self._writer = pq.ParquetWriter(stream, _SCHEMA)
        else:
            self._writer = pa.ipc.new_file(stream, _SCHEMA)

    def write(self, ranked: Ranked) -> None:
        row, columns = ranked.row, self._columns
        query_id = None if row.query_id is None else str(row.query_id)
        names = [row.names[index] for index in ranked.order]
        columns["row"] += [ranked.number] * len(names)
        columns["query_id"] += [query_id] * len(names)
        columns["index"] += ranked.order
        columns["id"] += [None if name is None else str(name) for name in names]
        columns["score"] += ranked.scores
        if len(columns["row"]) >= _ROWS_WRITTEN:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._columns["row"]:
            self._writer.write_batch(pa.record_batch(self._columns, _SCHEMA))
            self._columns = {name: [] for name in _SCHEMA.names}
