"""A job's output directory: parts that are whole or not there, and a journal of what is done."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from rerank_core.errors import FailedPreconditionError, InvalidArgumentError
from rerank_core.jobs.formats import writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rerank_core.jobs.results import Ranked
    from rerank_core.jobs.settings import Settings
    from rerank_core.records.record import BadRow

__all__ = ["ERRORS", "JOURNAL", "Output", "make_durable"]

JOURNAL, ERRORS, REPORT, _LOCK = "manifest.jsonl", "errors.jsonl", "report.json", "lock"


class Output:
    """The directory that one job writes.

    What is done stands in its journal, ``manifest.jsonl``: a line that says what decides the output, then
    one for each commit. A commit is a part under its final name and the errors beside it; a line is
    appended when both are on disk. Whatever else lies there was cut short, and is written again.

    Args:
        directory: Where; made if it is not there.
        settings: How rows are written.
        made_of: What decides the bytes: settings, fingerprints of inputs and model, versions.
        model: What the model is called, for messages.

    Attributes:
        directory: Where.
        done: Counts up to the last commit of an earlier run.
        parts: How many there are.
        finished: The report of a job that ended, or None.

    Raises:
        FailedPreconditionError: Another job writes there.
        InvalidArgumentError: The directory was begun with something else, or is no job's.
    """

    def __init__(
        self, directory: Path, settings: Settings, made_of: dict[str, Any], model: str
    ) -> None:
        self._settings = settings
        self.directory = directory
        if directory.exists() and not directory.is_dir():
            raise InvalidArgumentError(f"output {directory} is a file; give a directory")
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(directory / _LOCK, directory)
        try:
            self.done, self.finished, self.parts, errors_size = self._resume(made_of, model)
            self._errors = (directory / ERRORS).open("ab")
            if self._errors.tell() != errors_size:
                self._errors.truncate(errors_size)
                self._errors.seek(0, os.SEEK_END)
            self._journal = (directory / JOURNAL).open("ab")
        except BaseException:
            self._lock.close()
            raise
        self._part: _Part | None = None

    def write(self, ranked: Ranked) -> None:
        """Add the result of a row."""
        if self._part is None:
            name = f"part-{self.parts:05d}{self._settings.suffix}"
            self._part = _Part(self.directory / name, self._settings)
        self._part.write(ranked)

    def write_bad(self, bad: BadRow) -> None:
        """Add a row that could not be scored."""
        self._errors.write(json.dumps(asdict(bad), default=str).encode() + b"\n")

    def commit(self, counts: Mapping[str, int]) -> None:
        """Make all that was added last, whatever happens next.

        Args:
            counts: Of all the job, up to here.
        """
        line: dict[str, Any] = {"part": None}
        if self._part is not None:
            path = self._part.close()
            line = {"part": path.name, "size": path.stat().st_size}
            self._part = None
            self.parts += 1
        _sync(self._errors)
        self._append({**line, "errors_size": self._errors.tell(), "done": counts})

    def finish(self, report: dict[str, Any]) -> None:
        """Write the report, and that the job has ended."""
        draft = self.directory / f"{REPORT}.tmp"
        draft.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        make_durable(draft, self.directory / REPORT)
        self._append({"finished": report})

    def close(self) -> None:
        """Let go of the directory; what was not committed is forgotten."""
        if self._part is not None:
            self._part.abandon()
        for file in (self._errors, self._journal, self._lock):
            with contextlib.suppress(OSError):  # a full disk, told already
                file.close()

    def _append(self, said: dict[str, Any]) -> None:
        self._journal.write(json.dumps(said).encode() + b"\n")
        _sync(self._journal)

    def _resume(
        self, made_of: dict[str, Any], model: str
    ) -> tuple[dict[str, int], dict[str, Any] | None, int, int]:
        path = self.directory / JOURNAL
        if not path.exists():
            self._check_is_empty()
            draft = path.with_name(path.name + ".tmp")
            said = {"job": 1, "model": model, "made_of": made_of}
            draft.write_bytes(json.dumps(said).encode() + b"\n")
            make_durable(draft, path)
        lines = _lines(path)
        begun = lines[0]
        if begun["made_of"]["model"] != made_of["model"] and begun["model"] != model:
            _refuse(self.directory, "the model", begun["model"], model)
        _check_same(begun["made_of"], json.loads(json.dumps(made_of)), self.directory)
        done: dict[str, int] = {}
        finished, parts, errors_size = None, 0, 0
        for line in lines[1:]:
            finished = line.get("finished")
            if finished is None:
                done, errors_size = line["done"], line["errors_size"]
                if line["part"] is not None:
                    parts += 1
                    self._check_size(line["part"], line["size"])
        if errors_size:
            self._check_size(ERRORS, errors_size, longer=True)
        for left in self.directory.glob("*.tmp"):
            left.unlink()
        return done, finished, parts, errors_size

    def _check_is_empty(self) -> None:
        others = sorted(
            {path.name for path in self.directory.iterdir()} - {_LOCK, f"{JOURNAL}.tmp"}
        )
        if others:
            raise InvalidArgumentError(
                f"output {self.directory} holds '{others[0]}' and is no job's; give another directory"
            )

    def _check_size(self, name: str, size: int, *, longer: bool = False) -> None:
        """Raise unless a file is still as long as it was, or longer where that is no fault."""
        path = self.directory / name
        there = path.stat().st_size if path.exists() else -1
        if there < size or (there > size and not longer):
            came = "is gone" if there < 0 else f"has {there} bytes"
            raise InvalidArgumentError(
                f"{path} was written with {size} bytes and {came}; put it back, or begin anew in another "
                "directory"
            )


class _Part:
    """A file of output, under a temporary name until it is whole."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._draft = path.with_name(path.name + ".tmp")
        self._file = self._draft.open("wb")
        self._stream = _compressed(self._file, settings.compression)
        self._writer = writer(settings, self._stream)
        self.write = self._writer.write

    def close(self) -> Path:
        self._writer.close()
        if self._stream is not self._file:
            self._stream.close()
        self._file.close()
        make_durable(self._draft, self._path)
        return self._path

    def abandon(self) -> None:
        for layer in (self._writer, self._stream, self._file):
            with contextlib.suppress(Exception):  # buffers that a full disk does not take
                layer.close()
        self._draft.unlink(missing_ok=True)


def make_durable(draft: Path, path: Path) -> None:
    """Give a written file its final name, so that it is whole there even after a loss of power."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _compressed(file: BinaryIO, compression: str | None) -> BinaryIO:
    if compression == "gz":
        # Neither a name nor a time: equal content is equal bytes.
        return cast("BinaryIO", gzip.GzipFile("", "wb", 6, file, mtime=0))
    if compression == "zst":
        import pyarrow as pa  # noqa: PLC0415  (only where such a file is made)

        return cast("BinaryIO", pa.CompressedOutputStream(file, "zstd"))
    return file


def _locked(path: Path, directory: Path) -> BinaryIO:
    """Hold a lock that ends with this process, however it ends."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise FailedPreconditionError(
            f"another job writes {directory}; wait for its end, or give another directory"
        ) from error
    return file


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _lines(path: Path) -> list[dict[str, Any]]:
    """Read the journal; a last line that was cut short is taken off."""
    whole, lines = 0, []
    content = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(content, start=1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError  # noqa: TRY301
            lines.append(dict(json.loads(line)))
        except ValueError as error:
            if number < len(content) or number == 1:
                raise InvalidArgumentError(
                    f"{path}, line {number} is broken; begin anew in another directory"
                ) from error
            os.truncate(path, whole)
        whole += len(line)
    return lines


def _check_same(before: Any, now: Any, directory: Path, where: str = "") -> None:
    """Raise for the first thing that differs from what the job was begun with."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            _check_same(before.get(key), now.get(key), directory, f"{where}.{key}".lstrip("."))
    elif before != now:
        _refuse(directory, where, before, now)


def _refuse(directory: Path, what: str, before: Any, now: Any) -> NoReturn:
    raise InvalidArgumentError(
        f"{directory} was begun with {what} {before!r}, and now it is {now!r}; go on with what it was begun with, or "
        "give another directory"
    )
