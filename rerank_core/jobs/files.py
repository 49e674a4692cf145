"""Input files: local or behind a URL, one or many, compressed or not."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import fsspec

from rerank_core.errors import InvalidArgumentError
from rerank_core.models.manifest import digest

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["InputFile", "InputFiles"]


def _zstandard(stream: BinaryIO) -> BinaryIO:
    import pyarrow as pa  # noqa: PLC0415  (only where such a file comes)

    return io.BufferedReader(cast("Any", pa.input_stream(stream, compression="zstd")))


_DECOMPRESSED: dict[str, Callable[[BinaryIO], BinaryIO]] = {
    ".gz": lambda stream: cast("BinaryIO", gzip.GzipFile(fileobj=stream)),
    ".bz2": lambda stream: cast("BinaryIO", bz2.BZ2File(stream)),
    ".xz": lambda stream: cast("BinaryIO", lzma.LZMAFile(stream)),  # noqa: SIM115  (closed by who opens the file)
    ".zst": _zstandard,
}


@dataclass(frozen=True)
class InputFile:
    """One file.

    Attributes:
        name: As messages and the manifest call it.
        fs: The file system of fsspec that has it.
        path: As that file system calls it.
        size: Bytes, as they lie there.
    """

    name: str
    fs: Any
    path: str
    size: int

    @property
    def suffix(self) -> str:
        """What tells the format: the suffix before that of a compression."""
        path = Path(self.path)
        return (Path(path.stem) if path.suffix in _DECOMPRESSED else path).suffix.lower()

    def open(self) -> tuple[BinaryIO, BinaryIO]:
        """Give its content, and the stream below that tells how far reading has come."""
        below = self.fs.open(self.path, "rb")
        opened = _DECOMPRESSED.get(Path(self.path).suffix)
        return (opened(below) if opened else below), below

    def fingerprint(self) -> str:
        """Give what changes when the content does: its SHA-256, or what a remote file system knows."""
        if "file" in self.fs.protocol:
            return digest(Path(self.path))
        return str(self.fs.ukey(self.path))


class InputFiles:
    """The files of one input, in the order of their names.

    Args:
        patterns: Paths, or URLs that fsspec knows, with or without wildcards.
        what: What messages call them.

    Raises:
        FileNotFoundError: A file is not there.
        InvalidArgumentError: A pattern fits nothing, or names a directory.
    """

    def __init__(
        self,
        patterns: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        what: str = "input",
    ) -> None:
        self.files = [file for pattern in _as_list(patterns) for file in _found(pattern, what)]
        if not self.files:
            raise InvalidArgumentError(f"{what} must name at least one file")
        self.size = sum(file.size for file in self.files)
        self._before = 0
        self._below: BinaryIO | None = None

    def fingerprints(self) -> dict[str, str]:
        """Give the fingerprint of each file by its name."""
        return {file.name: file.fingerprint() for file in self.files}

    def share(self) -> float:
        """Give how much of all the bytes has been read, from 0 to 1."""
        at = 0 if self._below is None or self._below.closed else self._below.tell()
        return min(1.0, (self._before + at) / self.size) if self.size else 1.0

    @contextmanager
    def reading(self, file: InputFile) -> Iterator[BinaryIO]:
        """Open a file, and count it as read when it is closed."""
        stream, self._below = file.open()
        try:
            with stream:
                yield stream
        finally:
            self._below.close()
            self._below = None
            self._before += file.size


def _as_list(patterns: Any) -> list[str]:
    """Give one or many paths as a list of strings."""
    if isinstance(patterns, (str, bytes)) or hasattr(patterns, "__fspath__"):
        patterns = [patterns]
    return [str(pattern) for pattern in patterns]


def _found(pattern: str, what: str) -> Iterator[InputFile]:
    try:
        fs, path = fsspec.core.url_to_fs(pattern)
    except (ImportError, ValueError) as error:  # a protocol that is unknown, or not installed
        raise InvalidArgumentError(f"{what} '{pattern}' cannot be read: {error}") from error
    is_local = "file" in fs.protocol
    # A file may have a wildcard's letters in its name.
    exact = not any(letter in pattern for letter in "*?[") or fs.exists(path)
    paths = [path] if exact else sorted(fs.glob(path))
    if not paths:
        raise InvalidArgumentError(f"{what} '{pattern}' fits no file")
    for each in paths:
        if not fs.exists(each):
            raise FileNotFoundError(f"{what} '{pattern}' is not there")
        if fs.isdir(each):
            if not exact:
                continue
            raise InvalidArgumentError(
                f"{what} '{pattern}' is a directory; name its files: '{pattern.rstrip('/')}/*.jsonl', say"
            )
        name = pattern if exact else (str(each) if is_local else fs.unstrip_protocol(each))
        yield InputFile(name, fs, str(each), int(fs.size(each) or 0))
