"""Text to token ids, and the layout in which a model wants a pair of texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core import _core
from rerank_core._cpu import available_cpus
from rerank_core._tokenizer_file import read
from rerank_core.errors import InvalidArgumentError, InvalidTypeError, ModelError, RerankError
from rerank_core.request import checked_positive

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["Encoded", "Tokenizer"]

_UNLIMITED = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Texts, or pairs of texts, as token ids.

    Its arrays can be stored and the object made again from them: see `Reranker.encode_documents`.

    Attributes:
        ids: int32, the ids of all texts one after another.
        offsets: int64, one more than there are texts: text i is ``ids[offsets[i]:offsets[i + 1]]``.
        type_ids: int32, as many as ids; None for texts alone.
        tokenizer: Fingerprint of the tokenizer that made them, see `Tokenizer.fingerprint`.
        special_tokens: Whether the special tokens of the model are among the ids.
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    type_ids: NDArray[np.int32] | None = None
    tokenizer: str = ""
    special_tokens: bool = False

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        """Give the ids of one text."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} texts, not one at {index}")
        index %= len(self)
        return self.ids[self.offsets[index] : self.offsets[index + 1]]


class Tokenizer:
    """The tokenizer of a model, with exactly the ids of the `tokenizers` library.

    Immutable and thread-safe. What the native core does not implement is handed to the library
    itself, as ``native`` and ``name`` say.

    Attributes:
        name: "native", or the library that encodes and why it has to.
        native: Whether the native core encodes.
        vocab_size: How many tokens there are, added ones included.
        largest_id: The highest id that it can give.
        fingerprint: SHA-256 of its file, by which `Encoded` knows who made it.
        layout: How a pair becomes a row.

    Example:
        >>> from rerank_core import Reranker
        >>> tokenizer = Reranker().tokenizer
        >>> tokenizer.native, len(tokenizer.encode(["The sky.", ""]))
        (True, 2)
    """

    def __init__(self, path: Path, *, native: bool = True) -> None:
        file = read(path, native=native)
        self._path = path
        self._backend = file.backend
        self.name = file.name
        self.native = file.native
        self.vocab_size = file.vocab_size
        self.largest_id = file.largest_id
        self.fingerprint = file.fingerprint
        try:
            self.layout = _core.PairTemplate(file.frames.pair)
        except (ValueError, TypeError) as error:  # two documents, say, or an id that is no int32
            raise ModelError(f"{path}: its post_processor is broken: {error}") from error
        before = [kind for kind, _, _ in file.frames.single].index("document")
        special = [token for _, token, _ in file.frames.single]
        self._around = (
            np.array(special[:before], np.int32),
            np.array(special[before + 1 :], np.int32),
        )

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, native: bool = True) -> Tokenizer:
        """Read a tokenizer.json.

        Args:
            path: The file, or its gzip.
            native: False takes the `tokenizers` library in any case, to compare.

        Raises:
            ModelError: It is missing or not a tokenizer.json.

        Example:
            >>> from rerank_core import Reranker, Tokenizer
            >>> Tokenizer.from_file(f"{Reranker().info.path}/tokenizer.json").vocab_size
            36864
        """
        return cls(Path(path), native=native)

    def encode(self, texts: Sequence[str], *, add_special_tokens: bool = True) -> Encoded:
        """Encode texts.

        Args:
            texts: Any strings.
            add_special_tokens: Whether to put the model's special tokens around each, [CLS] and
                [SEP], say.

        Raises:
            InvalidTypeError: A text is no string.
            InvalidArgumentError: A text holds a lone surrogate, which has no UTF-8 form.
            ModelError: The tokenizer has no ids for a text: its file lacks an unknown token, say.

        Example:
            >>> from rerank_core import Reranker
            >>> encoded = Reranker().tokenizer.encode(["The sky.", ""])
            >>> encoded.offsets.tolist()
            [0, 5, 7]
        """
        encoded = self.cut(_checked(texts), threads=available_cpus(), name_of="texts[{}]".format)
        if not add_special_tokens:
            return encoded
        head, tail = self._around
        parts = [part for i in range(len(encoded)) for part in (head, encoded[i], tail)]
        ids = np.concatenate(parts) if parts else encoded.ids
        offsets = encoded.offsets + np.arange(len(encoded) + 1) * (len(head) + len(tail))
        return Encoded(ids, offsets, tokenizer=self.fingerprint, special_tokens=True)

    def encode_pairs(
        self, query: str, documents: Sequence[str], *, max_length: int | None = None
    ) -> Encoded:
        """Encode pairs as the rows that a model reads.

        Args:
            query: The first text of each pair.
            documents: The second texts.
            max_length: Tokens that a pair may have, special tokens included; a longer one loses the
                end of its document, and of the query only where it fills the limit alone.

        Raises:
            InvalidTypeError, InvalidArgumentError, ModelError: As `encode`.

        Example:
            >>> from rerank_core import Reranker
            >>> rows = Reranker().tokenizer.encode_pairs("sky", ["The sky.", "Grass"], max_length=6)
            >>> rows.offsets.tolist(), rows.type_ids[:6].tolist()
            ([0, 6, 11], [0, 0, 0, 1, 1, 1])
        """
        least = self.layout.num_special + 1
        most = _UNLIMITED if max_length is None else checked_positive("max_length", max_length)
        if most < least:
            raise InvalidArgumentError(f"max_length must be at least {least}, got {max_length}")
        asked = self.cut(_checked([query]), name_of=lambda _: "query")
        found = self.cut(_checked(documents), most, threads=available_cpus())
        rows = _core.pack_pairs(
            self.layout,
            asked.ids,
            asked.offsets,
            found.ids,
            found.offsets,
            np.zeros(len(found), np.int64),
            _core.PairLimits(row_tokens=most),
        )
        kept = rows["attention_mask"].astype(bool)
        offsets = np.zeros(len(found) + 1, np.int64)
        np.cumsum(rows["row_tokens"], out=offsets[1:])
        return Encoded(
            rows["input_ids"][kept].astype(np.int32),
            offsets,
            rows["token_type_ids"][kept].astype(np.int32),
            self.fingerprint,
            special_tokens=True,
        )

    def cut(
        self,
        texts: Sequence[str],
        limit: int = _UNLIMITED,
        *,
        threads: int = 1,
        engine: _core.Engine | None = None,
        call: _core.Call | None = None,
        name_of: Callable[[int], str] = "documents[{}]".format,
    ) -> Encoded:
        """Encode texts that are known to be strings, without special tokens.

        Args:
            texts: The texts.
            limit: Ids of each that are wanted; what is behind them is not even looked at.
            threads: How many to use.
            engine: Whose workers to use instead.
            call: For whom they work.
            name_of: What an error calls the text at an index.
        """
        given = tuple(texts)
        try:
            if engine is not None and isinstance(self._backend, _core.Tokenizer):
                ids, offsets = engine.encode(self._backend, given, limit=limit, call=call)
            else:
                ids, offsets = self._backend.encode(given, limit=limit, threads=threads)
        except RerankError:  # the engine's: it was closed
            raise
        except Exception as error:  # the library raises bare Exception
            self._name_culprit(given, name_of)
            raise ModelError(f"{self._path} fails: {error}") from error
        return Encoded(ids, offsets, tokenizer=self.fingerprint)

    def check(self, encoded: Encoded) -> None:
        """Raise unless these are documents that this tokenizer encoded."""
        if encoded.tokenizer != self.fingerprint:
            raise InvalidArgumentError(
                f"the documents were encoded by another tokenizer ({encoded.tokenizer[:12]!r}, not "
                f"{self.fingerprint[:12]!r}); encode them with this reranker's encode_documents"
            )
        if encoded.special_tokens:
            raise InvalidArgumentError(
                "the encoded documents hold special tokens; encode them with encode_documents"
            )
        for name, dtype in (("ids", np.int32), ("offsets", np.int64)):
            array = getattr(encoded, name)
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1:
                raise InvalidTypeError(
                    f"{name} of the encoded documents must be a one-dimensional array of "
                    f"{np.dtype(dtype)}"
                )
        ends = encoded.offsets
        if (
            len(ends) == 0
            or ends[0] != 0
            or ends[-1] != len(encoded.ids)
            or (np.diff(ends) < 0).any()
        ):
            raise InvalidArgumentError(
                "offsets of the encoded documents must start with 0, never fall, and end at the "
                f"number of ids, {len(encoded.ids)}"
            )
        if len(encoded.ids) and not (
            encoded.ids.min() >= 0 and encoded.ids.max() <= self.largest_id
        ):
            raise InvalidArgumentError(
                f"ids of the encoded documents must be between 0 and {self.largest_id}"
            )

    def _name_culprit(self, texts: tuple[str, ...], name_of: Callable[[int], str]) -> None:
        """Raise for the first text that cannot be encoded alone."""
        for index, text in enumerate(texts):
            try:
                text.encode()
                self._backend.encode((text,))
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


def _checked(texts: Any) -> list[str]:
    if isinstance(texts, str) or not hasattr(texts, "__iter__"):
        raise InvalidTypeError(f"texts must be a sequence of strings, got {type(texts).__name__}")
    given = list(texts)
    for index, text in enumerate(given):
        if not isinstance(text, str):
            raise InvalidTypeError(f"texts[{index}] must be a string, got {type(text).__name__}")
    return given
