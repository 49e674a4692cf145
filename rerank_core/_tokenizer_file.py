"""Reads a tokenizer.json into what encodes: the native core, or the `tokenizers` library."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import itertools
import json
import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rerank_core import _core, _tokenizer_schema
from rerank_core._post_processor import Frames
from rerank_core._post_processor import read as read_frames
from rerank_core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Backend", "TokenizerFile", "read"]

_GZIP = b"\x1f\x8b"
_MOST_ID = np.iinfo(np.int32).max
_LOG = logging.getLogger("rerank_core")
# What `tokenizers` keeps of a text while it encodes (tokens, offsets) is a hundred times its ids, and
# is dropped after a slice of so many characters.
_SLICE_CHARACTERS = 1 << 20


class Backend(Protocol):
    """What turns texts into ids, without special tokens."""

    def encode(
        self, texts: tuple[str, ...], *, limit: int = ..., threads: int = ...
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer.json, read.

    Attributes:
        backend: What encodes.
        native: Whether that is the native core.
        name: "native", or the library and why it is needed.
        frames: The special tokens around a text and a pair.
        vocab_size: How many tokens there are, added ones included.
        largest_id: The highest id of any.
        fingerprint: SHA-256 of the file's text.
    """

    backend: Backend
    native: bool
    name: str
    frames: Frames
    vocab_size: int
    largest_id: int
    fingerprint: str


def read(path: Path, *, native: bool = True) -> TokenizerFile:
    """Read a tokenizer.json or tokenizer.json.gz.

    Args:
        path: The file.
        native: False takes the `tokenizers` library in any case.

    Raises:
        ModelError: It is missing, cut, or not a tokenizer.json.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        text = data.decode()
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not a tokenizer.json: {error}") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    made = None
    reason = "asked for"
    if native:
        try:
            made = _native(text)
        # Whatever it is, the library decides what is valid, and says what is wrong.
        except Exception as error:  # noqa: BLE001
            reason = str(error).strip() or type(error).__name__
            _LOG.info("%s is encoded by the tokenizers library: %s", path, reason)
    backend, frames, vocabulary = made or _from_library(text, path)
    largest_id = max(vocabulary.values(), default=0)
    if largest_id > _MOST_ID:
        raise ModelError(f"{path} has a token with the id {largest_id}; the most is {_MOST_ID}")
    return TokenizerFile(
        backend=backend,
        native=made is not None,
        name="native" if made else f"{_library_name()} ({reason})",
        frames=frames,
        vocab_size=len(vocabulary),
        largest_id=largest_id,
        fingerprint=hashlib.sha256(data).hexdigest(),
    )


def _native(text: str) -> tuple[Backend, Frames, dict[str, int]]:
    # Numbers are left to the core: serde_json, which the library reads its file with, rounds some of
    # them otherwise than Python.
    config = _tokenizer_schema.load(text)
    vocabulary = config["model"]["vocab"]
    num_pieces = len(vocabulary)  # those of Unigram that occur twice count twice
    if isinstance(vocabulary, list):
        vocabulary = {entry[0]: index for index, entry in enumerate(vocabulary)}
    tokens = _added_tokens(config.get("added_tokens", []), vocabulary, num_pieces)
    config["added_tokens"] = tokens
    native = _core.Tokenizer(config)
    added = {token["content"]: token["id"] for token in tokens}
    return native, read_frames(config.get("post_processor")), {**vocabulary, **added}


def _added_tokens(
    tokens: Sequence[Mapping[str, Any]], vocabulary: Mapping[str, int], num_pieces: int
) -> list[dict[str, Any]]:
    """Give the added tokens in the order in which they match, with the ids that they get.

    The ids of the file do not count: a token that the vocabulary has takes the id from there,
    another one the next that is free. Of equal tokens the first counts, special ones before others.

    Source: ``AddedVocabulary::add_tokens`` and ``refresh_added_tokens`` of huggingface/tokenizers.
    """
    ids: dict[str, int] = {}
    latest: dict[int, Mapping[str, Any]] = {}
    free = num_pieces
    for token in tokens:
        content = token["content"]
        described = {key: value for key, value in token.items() if key != "id"}
        known = ids.get(content, vocabulary.get(content))
        if content == "" or (known is not None and latest.get(known) == described):
            continue
        new = free if known is None else known
        free = max(free, new + 1)
        ids[content] = new
        latest[new] = described
    special = {token["content"] for token in tokens if token["special"]}
    found: dict[str, dict[str, Any]] = {}
    for token in sorted(tokens, key=lambda token: token["content"] not in special):
        content = token["content"]
        if content and content not in found:
            found[content] = {
                **latest[ids[content]],
                "content": content,
                "id": ids[content],
                "normalized": token["normalized"],
            }
    return list(found.values())


def _library_name() -> str:
    import tokenizers  # noqa: PLC0415  (import of rerank_core stays light)

    return f"tokenizers {tokenizers.__version__}"


class _Library:
    """The `tokenizers` library, without truncation, padding and dropout.

    The engine cuts and pads, and a score is no matter of chance.
    """

    def __init__(self, text: str) -> None:
        import tokenizers  # noqa: PLC0415

        with _panics_are_errors():
            self._tokenizer = tokenizers.Tokenizer.from_str(text)
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            if getattr(self._tokenizer.model, "dropout", None) is not None:
                self._tokenizer.model.dropout = None

    def vocabulary(self) -> dict[str, int]:
        found: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        return found

    def encode(
        self, texts: tuple[str, ...], *, limit: int | None = None, threads: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """As `_core.Tokenizer.encode`; the library minds its threads itself."""
        del threads
        ids: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
        counts: list[int] = []
        for part in _slices(texts):
            with _panics_are_errors():
                encodings = self._tokenizer.encode_batch_fast(part, add_special_tokens=False)
            lists = [encoding.ids[:limit] for encoding in encodings]
            counts += map(len, lists)
            ids.append(np.fromiter(itertools.chain.from_iterable(lists), np.int32))
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return np.concatenate(ids), offsets

    def check(self, frames: Frames) -> None:
        """Compare the frame of one pair with the library's own, so that a misread file is loud."""
        query, document = "a b", "c d e"
        parts = {
            "query": self._tokenizer.encode(query, add_special_tokens=False).ids,
            "document": self._tokenizer.encode(document, add_special_tokens=False).ids,
        }
        ids: list[int] = []
        type_ids: list[int] = []
        for kind, special, type_id in frames.pair:
            part = parts.get(kind, [special])
            ids += part
            type_ids += [type_id] * len(part)
        expected = self._tokenizer.encode(query, document)
        if (ids, type_ids) != (expected.ids, expected.type_ids):
            raise ValueError(
                f"its post_processor lays out a pair as {expected.tokens} with type ids "
                f"{expected.type_ids}, which cannot be expressed as special tokens around a query "
                "and a document"
            )

    def post_processor(self) -> Mapping[str, Any] | None:
        found = self._tokenizer.post_processor
        config: dict[str, Any] | None = None if found is None else json.loads(found.__getstate__())
        return config


def _refuse_what_aborts(text: str) -> None:
    """Raise where the library would end the process.

    A merge of BPE loses the prefix of its right half, by length; 0.23.3 aborts where that cuts a
    character.
    """
    try:
        model = json.loads(text)["model"]
        prefix = model["continuing_subword_prefix"].encode()
        rights = [m.split(" ")[1] if isinstance(m, str) else m[1] for m in model["merges"]]
        halves = [right.encode() for right in rights] if prefix else []
    except Exception:  # noqa: BLE001  no such merges: the library may read it, or say what is wrong
        return
    for half in halves:
        rest = half[len(prefix) :]
        if len(half) < len(prefix) or (rest and rest[0] & 0xC0 == 0x80):  # noqa: PLR2004
            raise ValueError(
                f"the prefix {prefix.decode()!r} cuts the merge with {half.decode()!r}"
            )


def _from_library(text: str, path: Path) -> tuple[Backend, Frames, dict[str, int]]:
    try:
        _refuse_what_aborts(text)
        library = _Library(text)
        vocabulary = library.vocabulary()
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{path} is not a tokenizer.json: {error}") from error
    try:
        with _panics_are_errors():
            frames = read_frames(library.post_processor())
            library.check(frames)
    except Exception as error:
        raise ModelError(f"{path}: its post_processor is broken: {error}") from error
    return library, frames, vocabulary


def _slices(texts: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = []
    room = 0
    for text in texts:
        if room <= 0:
            parts.append([])
            room = _SLICE_CHARACTERS
        parts[-1].append(text)
        room -= len(text) + 1
    return parts


@contextlib.contextmanager
def _panics_are_errors() -> Iterator[None]:
    """Turn a panic of the tokenizers library, which is no Exception, into one."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError(str(error)) from error
