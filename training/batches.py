"""Draws training groups and turns them into tensors, with what makes the task harder on the way."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

from .groups import Group
from .vocabulary import SPECIAL

CLS, SEP = SPECIAL.index("[CLS]"), SPECIAL.index("[SEP]")
LONGEST_QUERY = 96
DECOYS_UP_TO = 9  # pieces; where there are more, some always occur in what is relevant
SHORTEST = 5  # pieces that a passage keeps
LOST = 0.75  # of the words that a hidden positive shares with its query
KIND_WEIGHT = {
    "question": 1.0,
    "title": 1.0,
    "claim": 4.0,
    "cloze": 1.0,
    "excerpt": 1.0,
    "keywords": 0.5,
}

Pair = tuple[np.ndarray, np.ndarray]
Tensors = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Encoded:
    """The groups in ids."""

    groups: list[Group]
    queries: list[np.ndarray]
    positives: list[np.ndarray]
    passages: list[np.ndarray]
    parts: np.ndarray  # of each passage, who may learn from its document

    def chosen(self, part: str, genres: Collection[str]) -> list[int]:
        """The groups of one part that have both a query and a passage."""
        return [
            i
            for i, group in enumerate(self.groups)
            if self.parts[group.passage] == part
            and group.genre in genres
            and len(self.queries[i])
            and len(self.positives[i])
        ]


@dataclass(frozen=True)
class Recipe:
    """How the groups are drawn and changed.

    Args:
        groups: Groups in a step.
        negatives: Passages beside the positive.
        related: Share of the groups, questions aside, whose positive is another passage of its document.
        decoys: Share of the groups with a short query whose positive loses most words that it shares with the query,
            against passages about anything that some of these words were planted in.
        snippets: Share of the groups whose passages are cut to their best few words.
    """

    groups: int = 24
    negatives: int = 7
    related: float = 0.4
    decoys: float = 0.25
    snippets: float = 0.25


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[np.ndarray]:
    batch = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [np.array(item.ids, dtype=np.int32) for item in batch]


def collate(pairs: Sequence[Pair], longest: int) -> Tensors:
    """[CLS] query [SEP] passage [SEP], the passage cut, as ids, mask and type ids."""
    rows = [(query, passage[: max(0, longest - len(query) - 3)]) for query, passage in pairs]
    width = max(len(query) + len(passage) + 3 for query, passage in rows)
    ids, mask, types = (np.zeros((len(rows), width), np.int64) for _ in range(3))
    for i, (query, passage) in enumerate(rows):
        start, end = len(query) + 2, len(query) + len(passage) + 3
        ids[i, :end] = [CLS, *query, SEP, *passage, SEP]
        mask[i, :end] = 1
        types[i, start:end] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(types)


class Sampler:
    """Draws steps of groups; the same seed draws the same."""

    def __init__(
        self,
        data: Encoded,
        chosen: Sequence[int],
        recipe: Recipe,
        classes: np.ndarray,
        weights: np.ndarray,
        seed: int,
    ) -> None:
        self._data = data
        self._chosen = np.array(chosen)
        self._recipe = recipe
        self._classes = classes
        self._weights = weights
        self._random = random.Random(seed)
        share = np.array([KIND_WEIGHT[data.groups[i].kind] for i in chosen])
        self._share = share / share.sum()
        self._order = np.random.default_rng(seed)

    def steps(self, count: int) -> Iterator[Tensors]:
        """Pairs of ``recipe.groups`` groups, each group's positive first.

        Sixteen steps are drawn at once and divided by the length of the query: the work grows with
        the longest query of a step.
        """
        size, made = self._recipe.groups, 0
        while made < count:
            drawn = self._order.choice(self._chosen, 16 * size, p=self._share)
            drawn = drawn[np.argsort([len(self._data.queries[i]) for i in drawn], kind="stable")]
            steps = [drawn[i : i + size] for i in range(0, len(drawn), size)]
            self._random.shuffle(steps)
            for step in steps[: count - made]:
                longest = self._random.choice([96, 160, 160, 256])
                yield collate([pair for i in step for pair in self._pairs(int(i))], longest)
                made += 1

    def _pairs(self, i: int) -> list[Pair]:
        data, rng, group = self._data, self._random, self._data.groups[i]
        query, positive = data.queries[i][:LONGEST_QUERY], data.positives[i]
        if group.kind == "question" and rng.random() < 0.15 and len(query) > 5:
            query = np.array([piece for piece in query if rng.random() > 0.15] or query)
        elif group.related and group.kind != "question" and rng.random() < self._recipe.related:
            positive = data.passages[rng.choice(group.related)]
        wanted = self._recipe.negatives - rng.randint(0, 1)
        chosen = rng.sample(group.negatives, min(len(group.negatives), wanted))
        while len(chosen) < self._recipe.negatives:
            chosen.append(rng.randrange(len(data.passages)))
        passages = [positive, *(data.passages[k] for k in chosen)]
        decoys = len(query) <= DECOYS_UP_TO and rng.random() < self._recipe.decoys
        if decoys:
            passages[1:] = [rng.choice(data.passages) for _ in chosen]
        if rng.random() < self._recipe.snippets:
            width = rng.randint(10, 50)
            passages = [self._snippet(query, passage, width) for passage in passages]
        if decoys:
            known = self._classes, self._weights
            passages[0] = without_shared(query, passages[0], *known, LOST, rng)
            passages[1:] = [planted(query, p, self._weights, rng) for p in passages[1:]]
        return [(query, passage) for passage in passages]

    def _snippet(self, query: np.ndarray, passage: np.ndarray, width: int) -> np.ndarray:
        """The ``width`` pieces that hold most of the query by weight."""
        if len(passage) <= width:
            return passage
        shared = np.isin(self._classes[passage], self._classes[query]) * self._weights[passage]
        sums = np.cumsum(np.concatenate([[0.0], shared]))
        start = int(np.argmax(sums[width:] - sums[:-width]))
        start = max(0, start - self._random.randint(0, width // 2))
        return passage[start : start + width]


def without_shared(
    query: np.ndarray,
    passage: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
    share: float,
    rng: random.Random,
) -> np.ndarray:
    """The passage less most of the words of the query: what is left has to tell.

    Args:
        share: How likely a shared word is lost; those that weigh little stay.
    """
    weighty = np.isin(classes[passage], classes[query]) & (weights[passage] > 1)
    lost = weighty & (np.array([rng.random() for _ in passage]) < share)
    return passage[~lost] if len(passage) - lost.sum() >= SHORTEST else passage


def planted(
    query: np.ndarray, passage: np.ndarray, weights: np.ndarray, rng: random.Random
) -> np.ndarray:
    """The passage with up to half of the query's weighty pieces put anywhere, one at least."""
    weighty = [int(piece) for piece in query if weights[piece] > 1]
    if not weighty:
        return passage
    taken = rng.sample(weighty, rng.randint(1, max(1, (len(weighty) + 1) // 2)))
    places = [rng.randint(0, len(passage)) for _ in taken]
    return np.insert(passage, places, taken)
