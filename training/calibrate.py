"""Sets slope and offsets so that a sigmoid of the logit is the chance of being relevant.

Platt (1999), with an offset that knows the length and weight of the query, on held-out queries: the passage that answers each, and the passages that BM25 found
beside it, the one as likely to be met as ``PRIOR`` says. Half of the queries fit, the others tell
how well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize

from .batches import LONGEST_QUERY, Encoded, collate
from .corpus import GENRES
from .develop import LONGEST, SHORT, held_out
from .model import Scorer

PRIOR = 0.5  # the passage that answers weighs as much as all others together
QUERIES = 400  # of a genre
BINS = 10


def calibrate(scorer: Scorer, data: Encoded) -> dict[str, Any]:
    """Change the scorer's slope and offsets; how reliable it is then on queries not used for that."""
    known, labels, queries = _judged(scorer, data)
    fitting = queries % 2 == 0
    weights = np.where(labels, PRIOR / labels.mean(), (1 - PRIOR) / (1 - labels.mean()))

    def loss(line: np.ndarray) -> float:
        margin = known[fitting] @ line
        cost = np.logaddexp(0, np.where(labels[fitting], -margin, margin))
        return float(np.average(cost, weights=weights[fitting]))

    slope, *offsets = minimize(loss, np.array([1.0, 0.0, 0.0, 0.0])).x
    scorer.slope.fill_(slope)
    scorer.offsets.copy_(torch.tensor(offsets))
    chance = 1 / (1 + np.exp(-(known @ [slope, *offsets])))
    seen = ~fitting
    return {
        "prior": PRIOR,
        "queries": int(queries.max()) + 1,
        "pairs": len(labels),
        "slope": float(slope),
        "offsets": [float(offset) for offset in offsets],
        "bins": _reliability(chance[seen], labels[seen], weights[seen]),
    }


def _judged(scorer: Scorer, data: Encoded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    known, labels, queries = [], [], []
    chosen = [
        i for genre in sorted(set(GENRES.values())) for i in held_out(data, genre, SHORT)[:QUERIES]
    ]
    for number, i in enumerate(chosen):
        group = data.groups[i]
        passages = [data.positives[i], *(data.passages[k] for k in group.negatives)]
        query = data.queries[i][:LONGEST_QUERY]
        with torch.inference_mode():
            parts = scorer.score(*collate([(query, passage) for passage in passages], LONGEST))
        known.append(torch.cat(parts, 1).numpy())
        labels += [True] + [False] * len(group.negatives)
        queries += [number] * len(passages)
    return np.concatenate(known).astype(float), np.array(labels), np.array(queries)


def _reliability(
    chance: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> list[dict[str, float]]:
    """Of the pairs with a score in each tenth: the share of pairs, their mean score, the share relevant."""
    place = np.minimum((chance * BINS).astype(int), BINS - 1)
    found = []
    for number in range(BINS):
        inside = place == number
        if inside.any():
            found.append(
                {
                    "from": number / BINS,
                    "share": round(float(weights[inside].sum() / weights.sum()), 4),
                    "score": round(float(np.average(chance[inside], weights=weights[inside])), 3),
                    "relevant": round(
                        float(np.average(labels[inside], weights=weights[inside])), 3
                    ),
                }
            )
    return found
