"""nDCG and reciprocal rank of a ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def ndcg(gains: Sequence[int], ideal: Sequence[int], k: int = 10) -> float:
    """Linear gain, log2 discount (Jarvelin and Kekalainen 2002; trec_eval's ndcg_cut).

    Args:
        gains: The judged gain of each document, best ranked first.
        ideal: The judged gains of all documents of the query, in any order.
        k: How many of the first ranks count.

    Example:
        >>> round(ndcg([0, 1], [1, 0]), 3)
        0.631
    """
    best = _discounted(sorted(ideal, reverse=True)[:k])
    return _discounted(gains[:k]) / best if best > 0 else 0.0


def ordered(scores: Sequence[float] | np.ndarray, gains: Sequence[int]) -> list[int]:
    """The gains in the order of the scores; equal scores keep the order given."""
    return [gains[i] for i in np.argsort(-np.asarray(scores), kind="stable")]


def _discounted(gains: Sequence[int]) -> float:
    return float(np.sum(np.asarray(gains) / np.log2(np.arange(2, len(gains) + 2))))
