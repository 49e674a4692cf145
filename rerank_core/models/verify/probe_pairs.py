"""The pairs that a model is tried with: all lengths, many languages, code, numbers, nothing.

They were written for this purpose; `probe_pairs.json` holds them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_core.models.verify.figures import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rerank_core.tokenizer import Tokenizer

__all__ = ["Pairs", "Row", "probe_pairs", "rows_of"]

Row = tuple["NDArray[np.int32]", "NDArray[np.int32]"]  # ids and type ids of a pair


@dataclass(frozen=True)
class Pairs:
    """Pairs, those of one query after another.

    Attributes:
        queries: One for each pair.
        documents: As many.
        groups: Which query a pair belongs to, from 0 on.
    """

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    groups: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.documents)

    def named(self, index: int) -> str:
        """Name a pair in an error: its number, and the starts and lengths of its texts."""
        query, document = self.queries[index], self.documents[index]
        return (
            f"pair {index}, query {quoted(query)} ({len(query)} characters), document "
            f"{quoted(document)} ({len(document)} characters)"
        )


@cache
def probe_pairs() -> Pairs:
    """Give the built-in pairs: some sixty of eleven queries; two documents fill a row of 512 tokens.

    Example:
        >>> from rerank_core.models.verify.probe_pairs import probe_pairs
        >>> pairs = probe_pairs()
        >>> len(pairs), len(set(pairs.groups))
        (66, 11)
    """
    path = Path(__file__).with_name("probe_pairs.json")
    queries: list[str] = []
    documents: list[str] = []
    groups: list[int] = []
    for number, group in enumerate(json.loads(path.read_bytes())["groups"]):
        for document in group["documents"]:
            queries.append(group["query"])
            groups.append(number)
            if isinstance(document, str):
                documents.append(document)
            else:  # a long one: a text and how often it is repeated
                documents.append(" ".join([document["text"]] * document["times"]))
    return Pairs(tuple(queries), tuple(documents), tuple(groups))


def rows_of(pairs: Pairs, tokenizer: Tokenizer, max_length: int) -> list[Row]:
    """Give the ids and type ids of each pair, cut to max_length as the engine cuts them."""
    rows = []
    for query, document in zip(pairs.queries, pairs.documents, strict=True):
        row = tokenizer.encode_pairs(query, [document], max_length=max_length)
        if row.type_ids is None:
            raise AssertionError("pairs have type ids")
        rows.append((row.ids, row.type_ids))
    return rows
