"""Rows of any size to try a graph with: real pairs, so that all of it has something to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rerank_core.models.verify.probe_pairs import probe_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.tokenizer import Tokenizer

__all__ = ["IDS", "MASK", "TYPES", "Sampler", "TrialRows"]

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
_LONGEST = 512  # tokens of a row that is tried


class TrialRows(Protocol):
    """Gives rows to try a graph with."""

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows and widths to try."""

    def __call__(self, model: ir.Model, rows: int, width: int, /) -> Mapping[str, NDArray[Any]]:
        """Give what the inputs of a graph are fed."""


@dataclass(frozen=True)
class Sampler:
    """Makes rows of a given width from the built-in pairs.

    Attributes:
        tokenizer: Of the model.
        max_length: Tokens that a row may have.
    """

    tokenizer: Tokenizer
    max_length: int

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows and widths to try: the shortest and the longest, and primes, unlike other dimensions."""
        shortest = self.tokenizer.layout.num_special + 2
        sizes = ((1, shortest), (2, 13), (3, 29), (5, 19), (1, _LONGEST))
        return [(rows, min(max(width, shortest), self.max_length)) for rows, width in sizes]

    def __call__(
        self, model: ir.Model, rows: int, width: int, *, is_padded: bool = False
    ) -> dict[str, NDArray[np.int64]]:
        """Give int64 [rows, width] for each input of a graph; where padded, half of the last row is.

        Padding holds ids like any other: only the mask tells.
        """
        given = [self.row(width, row / rows) for row in range(rows)]
        kinds = {name: np.concatenate([each[name] for each in given]) for name in (IDS, TYPES)}
        kinds[MASK] = np.ones((rows, width), np.int64)
        if is_padded:
            kinds[MASK][-1, (width + 1) // 2 :] = 0
        return {str(value.name): kinds[str(value.name)] for value in model.graph.inputs}

    def row(self, width: int, part: float = 0.0) -> dict[str, NDArray[np.int64]]:
        """Give ids and types [1, width] of a pair, the one at a part, from 0 to 1, of the built-in ones."""
        pairs = probe_pairs()
        first = int(part * len(pairs))
        # One relevant document first, then all others until the row is full.
        document = " ".join((*pairs.documents[first:], *pairs.documents[:first]))
        encoded = self.tokenizer.encode_pairs(pairs.queries[first], [document], max_length=width)
        types = encoded.ids * 0 if encoded.type_ids is None else encoded.type_ids
        return {IDS: encoded.ids[None].astype(np.int64), TYPES: types[None].astype(np.int64)}
