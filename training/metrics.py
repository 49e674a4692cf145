"""nDCG@10 of one ranking, for development; collections are measured by `rerank_core.eval`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ir_measures import nDCG


def ndcg(scores: Sequence[float] | np.ndarray, gains: Sequence[int]) -> float:
    """Linear gain, log2 discount, as trec_eval's ndcg_cut; equal scores keep the order given.

    Args:
        scores: Of each document.
        gains: What it is worth to find it.

    Example:
        >>> round(ndcg([0.2, 0.1], [0, 1]), 3)
        0.631
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    ranks = {str(i): -float(rank) for rank, i in enumerate(order)}
    judged = {str(i): gain for i, gain in enumerate(gains)}
    return float((nDCG @ 10).calc_aggregate({"query": judged}, {"query": ranks}))
