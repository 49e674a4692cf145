"""The slow, obvious twin of every function of the native core, for tests and readers.

Nothing imports this but tests. Texts are lists of ids here, limits have the native names, and the
rules read as one would say them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Piece = tuple[str, int, int]


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    with np.errstate(over="ignore"):  # exp(-x) may be infinite: 1 / (1 + inf) is the right 0
        return np.asarray(1 / (1 + np.exp(-wide)))


def rank(logits: Sequence[float], top_n: int) -> list[int]:
    order = sorted(range(len(logits)), key=lambda index: (-logits[index], index))
    return order[:top_n]


@dataclass
class Row:
    """One row: its pair, its ids and type ids, and what they are of."""

    pair: int
    ids: list[int]
    type_ids: list[int]
    texts: tuple[list[int], list[int]]


@dataclass
class PairedRows:
    """All rows of a request, and what became of each pair."""

    rows: list[Row]
    tokens_run: list[int]
    truncated: list[bool]


class TokenLimitExceededError(Exception):
    """Offenders as (pair, tokens, limit)."""


def lay_out(pieces: Sequence[Piece], query: list[int], document: list[int]) -> Row:
    row = Row(-1, [], [], (query, document))
    for kind, special, type_id in pieces:
        part = {"special": [special], "query": query, "document": document}[kind]
        row.ids += part
        row.type_ids += [type_id] * len(part)
    return row


def pair_rows(
    pieces: Sequence[Piece],
    queries: Sequence[list[int]],
    documents: Sequence[list[int]],
    query_of: Sequence[int],
    *,
    row_tokens: int,
    pair_tokens: float = math.inf,
    doc_tokens: float = math.inf,
    max_chunks: int = 1,
    truncate: str = "END",
) -> PairedRows:
    special = sum(kind == "special" for kind, _, _ in pieces)
    paired = PairedRows([], [], [])
    offenders = []
    for pair, document in enumerate(documents):
        query = queries[query_of[pair]]
        wanted = [token for place, token in enumerate(document) if place < doc_tokens]
        # Cut the end of query + document: a row holds `room` of both.
        room = int(min(row_tokens, pair_tokens)) - special
        kept_query = query[:room]
        window = room - len(kept_query)
        total = int(min(len(wanted), pair_tokens - special - len(kept_query), window * max_chunks))
        kept = wanted[:total]
        if truncate == "NONE" and (len(kept_query) < len(query) or len(kept) < len(wanted)):
            limit = int(min(pair_tokens, special + len(kept_query) + window * max_chunks))
            offenders.append((pair, special + len(query) + len(wanted), limit))
            continue
        windows = [kept[start : start + window] for start in range(0, len(kept), window or 1)] or [
            []
        ]
        rows = [lay_out(pieces, kept_query, part) for part in windows]
        for row in rows:
            row.pair = pair
        paired.rows += rows
        paired.tokens_run.append(sum(len(row.ids) for row in rows))
        paired.truncated.append(len(kept_query) < len(query) or len(kept) < len(document))
    if offenders:
        raise TokenLimitExceededError(offenders)
    return paired


def first_equal(rows: Sequence[Row]) -> list[int]:
    return [
        next(place for place, other in enumerate(rows) if other.texts == row.texts) for row in rows
    ]


def pack(rows: Sequence[Row]) -> dict[str, NDArray[np.int64]]:
    width = max((len(row.ids) for row in rows), default=0)
    tensors = {
        name: np.zeros((len(rows), width), np.int64)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    for place, row in enumerate(rows):
        length = len(row.ids)
        tensors["input_ids"][place, :length] = row.ids
        tensors["attention_mask"][place, :length] = 1
        tensors["token_type_ids"][place, :length] = row.type_ids
    return tensors


def plan_batches(
    lengths: Sequence[int],
    *,
    max_batch_tokens: int,
    max_batch_rows: int,
    width_multiple: int,
    max_width: int,
    workers: int,
) -> list[tuple[list[int], int]]:
    widths = [min(-(-length // width_multiple) * width_multiple, max_width) for length in lengths]
    budget = min(max_batch_tokens, max(1, -(-sum(widths) // workers)))
    batches: list[tuple[list[int], int]] = []
    for width in sorted(set(widths), reverse=True):
        rows = [row for row, other in enumerate(widths) if other == width]
        most = min(max_batch_rows, max(1, budget // width))
        batches += [(rows[start : start + most], width) for start in range(0, len(rows), most)]
    return batches
