"""Development figures: held-out documents, every genre by itself. Choices are made by these alone."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

import numpy as np
import torch

from .batches import LONGEST_QUERY, LOST, Encoded, Pair, collate, planted, without_shared
from .corpus import GENRES
from .metrics import ndcg
from .model import Scorer

SHORT, LONG = ("question", "title", "claim"), ("excerpt",)
QUERIES = 150  # of a genre
LONGEST = 256


def evaluate(scorer: Scorer, data: Encoded, queries: int = QUERIES) -> dict[str, dict[str, float]]:
    """Per genre ``ndcg`` (of questions, titles and claims) and ``long`` (of excerpts): nDCG@10 of the positive (2) and its document (1) among what BM25 found, and
    ``meaning``, the reciprocal rank of the positive less the words that the query shares with it,
    among passages about anything that some of these words were planted in.
    """
    scorer.eval()
    return {genre: _genre(scorer, data, genre, queries) for genre in sorted(set(GENRES.values()))}


def scores(scorer: Scorer, pairs: Sequence[Pair], longest: int = LONGEST) -> np.ndarray:
    with torch.inference_mode():
        result: np.ndarray = scorer(*collate(pairs, longest)).squeeze(1).numpy()
    return result


def held_out(data: Encoded, genre: str, kinds: Collection[str]) -> list[int]:
    return [i for i in data.chosen("development", {genre}) if data.groups[i].kind in kinds]


def _genre(scorer: Scorer, data: Encoded, genre: str, queries: int) -> dict[str, float]:
    short = held_out(data, genre, SHORT)[:queries]
    long = held_out(data, genre, LONG)[:queries]
    figures = {
        "ndcg": [_ndcg(scorer, data, i) for i in short],
        "long": [_ndcg(scorer, data, i) for i in long],
        "meaning": _meaning(scorer, data, short, random.Random(genre)),
    }
    return {name: round(float(np.mean(found)), 4) for name, found in figures.items() if found}


def _ndcg(scorer: Scorer, data: Encoded, i: int) -> float:
    group, query = data.groups[i], data.queries[i][:LONGEST_QUERY]
    related = [data.passages[k] for k in group.related]
    negatives = [data.passages[k] for k in group.negatives]
    passages = [data.positives[i], *related, *negatives]
    gains = [2] + [1] * len(related) + [0] * len(negatives)
    return ndcg(scores(scorer, [(query, p) for p in passages]), gains)


def _meaning(scorer: Scorer, data: Encoded, chosen: list[int], rng: random.Random) -> list[float]:
    classes, weights = scorer.classes.numpy(), scorer.weights.numpy()
    found = []
    for i in chosen:
        query = data.queries[i][:LONGEST_QUERY]
        bare = without_shared(query, data.positives[i], classes, weights, LOST, rng)
        others = [rng.choice(data.passages)[:LONGEST] for _ in data.groups[i].negatives]
        decoys = [planted(query, other, weights, rng) for other in others]
        own, *theirs = scores(scorer, [(query, passage) for passage in [bare, *decoys]])
        found.append(1 / (1 + sum(other >= own for other in theirs)))
    return found
