"""Text to token ids, and the layout in which a model wants a pair of texts."""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core import _core
from rerank_core.errors import InvalidArgumentError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Encoded", "Tokenizer"]

# Texts are encoded in slices of about so many characters: what the library keeps of a text while
# it encodes (tokens, offsets) is a hundred times its ids, and is dropped after each slice.
_SLICE_CHARACTERS = 1 << 20

Piece = tuple[str, int, int]


@dataclass(frozen=True)
class Encoded:
    """Texts as token ids, without special tokens.

    Attributes:
        ids: int32, the ids of all texts one after another.
        offsets: int64, one more than there are texts: text i is ``ids[offsets[i]:offsets[i + 1]]``.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Tokenizer:
    """The tokenizer of one model, chosen when the model is loaded; immutable and thread-safe.

    Attributes:
        name: What encodes: a library and its version.
        layout: How a pair becomes a row.
        largest_id: The highest id that it can give.
    """

    def __init__(self, path: Path) -> None:
        import tokenizers  # noqa: PLC0415  (import of rerank_core stays light)

        self._path = path
        self.name = f"tokenizers {tokenizers.__version__}"
        with _panics_are_errors():
            try:
                self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
                # Files saved from a pipeline may carry all three; the engine cuts and pads, and a
                # score is no matter of chance.
                self._tokenizer.no_truncation()
                self._tokenizer.no_padding()
                if getattr(self._tokenizer.model, "dropout", None) is not None:
                    self._tokenizer.model.dropout = None
                vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
                self.largest_id = max(vocabulary.values(), default=0)
            except Exception as error:  # the library raises bare Exception
                raise ModelError(f"{path} is not a tokenizer.json: {error}") from error
            try:
                pieces = _pieces(self._tokenizer.post_processor, path)
                self.layout = _core.PairTemplate(pieces)
                self._check_layout(pieces)
            except ModelError:
                raise
            except Exception as error:
                raise ModelError(f"{path}: its post_processor is broken: {error!r}") from error

    def encode(
        self, texts: Sequence[str], name_of: Callable[[int], str] = "documents[{}]".format
    ) -> Encoded:
        """Encode texts, without special tokens.

        Args:
            texts: Any strings.
            name_of: What an error calls the text at an index.

        Raises:
            InvalidArgumentError: A text holds a lone surrogate, which has no UTF-8 form.
            ModelError: The tokenizer has no ids for a text: its file lacks an unknown token, say.
        """
        ids: list[NDArray[np.int32]] = []
        counts: list[int] = []
        for part in _slices(texts):
            try:
                with _panics_are_errors():
                    encodings = self._encode(part)
            except Exception as error:  # the library raises bare Exception
                self._name_culprit(texts, name_of)
                raise ModelError(f"{self._path} fails: {error}") from error
            counts += map(len, encodings)
            # tokenizers gives ids as lists of int only; flattening them is 2 % of encoding them.
            flat = itertools.chain.from_iterable(encoding.ids for encoding in encodings)
            ids.append(np.fromiter(flat, np.int32))
        offsets = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=offsets[1:])
        return Encoded(np.concatenate(ids) if ids else np.empty(0, np.int32), offsets)

    def _encode(self, texts: list[str]) -> list[Any]:
        found: list[Any] = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return found

    def _name_culprit(self, texts: Sequence[str], name_of: Callable[[int], str]) -> None:
        """Raise for the first text that cannot be encoded alone."""
        for index, text in enumerate(texts):
            try:
                text.encode()
                with _panics_are_errors():
                    self._encode([text])
            except UnicodeEncodeError as error:
                raise InvalidArgumentError(
                    f"{name_of(index)} holds the lone surrogate {text[error.start]!a} at position "
                    f"{error.start}, which has no UTF-8 form; clean it with "
                    "text.encode('utf-8', 'replace').decode()"
                ) from error
            except Exception as error:
                raise ModelError(
                    f"{self._path} has no ids for {name_of(index)}: {error}"
                ) from error

    def _check_layout(self, pieces: list[Piece]) -> None:
        """Compare the layout with the library's own on one pair, so that a misread file is loud."""
        query, document = "a b", "c d e"
        parts = {
            "query": self._tokenizer.encode(query, add_special_tokens=False).ids,
            "document": self._tokenizer.encode(document, add_special_tokens=False).ids,
        }
        ids: list[int] = []
        type_ids: list[int] = []
        for kind, special, type_id in pieces:
            part = parts.get(kind, [special])
            ids += part
            type_ids += [type_id] * len(part)
        expected = self._tokenizer.encode(query, document)
        if (ids, type_ids) != (expected.ids, expected.type_ids):
            raise ModelError(
                f"{self._path}: its post_processor lays out a pair as {expected.tokens} with type ids "
                f"{expected.type_ids}, which cannot be expressed as special tokens around a query "
                "and a document"
            )


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


def _pieces(post_processor: Any, path: Path) -> list[Piece]:
    """Read the layout of a pair from a post-processor of the `tokenizers` library.

    Source: the post-processors of huggingface/tokenizers (``PostProcessor::process``); without one
    the two sequences follow each other with type ids 0 and 1.
    """
    if post_processor is None:
        return [("query", 0, 0), ("document", 0, 1)]
    config = json.loads(post_processor.__getstate__())
    steps = config["processors"] if config["type"] == "Sequence" else [config]
    # A ByteLevel step only moves character offsets.
    steps = [step for step in steps if step["type"] != "ByteLevel"]
    if not steps:
        return [("query", 0, 0), ("document", 0, 1)]
    if len(steps) == 1 and steps[0]["type"] in _READERS:
        return _READERS[steps[0]["type"]](steps[0])
    raise ModelError(
        f"{path}: the post_processor {[step['type'] for step in steps]} is not one of "
        f"{sorted(_READERS)}"
    )


def _from_template(step: dict[str, Any]) -> list[Piece]:
    pieces: list[Piece] = []
    for piece in step["pair"]:
        if "Sequence" in piece:
            kind = "query" if piece["Sequence"]["id"] == "A" else "document"
            pieces.append((kind, 0, piece["Sequence"]["type_id"]))
        else:
            special = piece["SpecialToken"]
            ids = step["special_tokens"][special["id"]]["ids"]
            pieces += [("special", token, special["type_id"]) for token in ids]
    return pieces


def _from_bert(step: dict[str, Any]) -> list[Piece]:
    cls, sep = step["cls"][1], step["sep"][1]
    return [
        ("special", cls, 0),
        ("query", 0, 0),
        ("special", sep, 0),
        ("document", 0, 1),
        ("special", sep, 1),
    ]


def _from_roberta(step: dict[str, Any]) -> list[Piece]:
    cls, sep = step["cls"][1], step["sep"][1]
    return [
        ("special", cls, 0),
        ("query", 0, 0),
        ("special", sep, 0),
        ("special", sep, 0),
        ("document", 0, 0),
        ("special", sep, 0),
    ]


_READERS = {
    "TemplateProcessing": _from_template,
    "BertProcessing": _from_bert,
    "RobertaProcessing": _from_roberta,
}
