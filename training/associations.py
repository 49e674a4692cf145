"""Word vectors by association: what a word's questions, neighbours and translations are about.

Bags of words are trained to find their other half among those of a whole step (in both directions;
van den Oord et al. 2018). The halves are a query and its passage, a sentence and those around it,
an English sentence and its translation. A passage first loses the words of its other half, so that
only associations are left to go by.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .batches import LONGEST_QUERY, LOST, Encoded, without_shared

PAIRS = 768  # of a step
LONGEST = 160  # pieces of a passage
AROUND = 3  # sentences on either side
TEMPERATURE = 0.07
RATE = 2e-3
FOREIGN_RATE = 1e-2  # these start from nothing
PASSES = {"query": 3.0, "sentence": 4.5, "translation": 6.0}  # over each kind of pair

Bag = np.ndarray


@dataclass(frozen=True)
class Material:
    """What to learn from, in ids.

    Args:
        data: The groups.
        chosen: Those to learn from.
        texts: Passages as lists of sentences.
        translations: English sentences, and the numbers of the foreign stems of the other side.
    """

    data: Encoded
    chosen: Sequence[int]
    texts: Sequence[Sequence[Bag]]
    translations: Sequence[tuple[Bag, Bag]]


def made(
    material: Material, classes: np.ndarray, weights: np.ndarray, start: np.ndarray, seed: int
) -> np.ndarray:
    """Vectors of length one, [classes, dimensions] float32.

    Args:
        material: What to learn from.
        classes: The stem class of each piece.
        weights: The weight of each piece.
        start: Vectors to start from, [classes, dimensions].
        seed: Of the order, and of what is lost.
    """
    torch.manual_seed(seed)
    bags = _Bags(material, classes, weights.astype(np.float32), start, random.Random(seed))
    optimizer = torch.optim.Adam(
        [
            {"params": bags.english.parameters(), "lr": RATE},
            {"params": bags.foreign.parameters(), "lr": FOREIGN_RATE},
        ]
    )
    rates = [RATE, FOREIGN_RATE]
    kinds = bags.order()
    begun = time.monotonic()
    for step, kind in enumerate(kinds):
        left, right = bags.halves(kind)
        likeness = left @ right.T / TEMPERATURE
        target = torch.arange(len(likeness))
        loss = functional.cross_entropy(likeness, target)
        loss = (loss + functional.cross_entropy(likeness.T, target)) / 2
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1 - step / len(kinds))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            spent = time.monotonic() - begun
            print(
                f"{step} of {len(kinds)}, {kind} loss {loss.item():.3f}, {spent:.0f} s", flush=True
            )
    vectors = functional.normalize(bags.english.weight.detach(), dim=1)
    result: np.ndarray = vectors.numpy()
    return result


class _Bags:
    def __init__(
        self,
        material: Material,
        classes: np.ndarray,
        weights: np.ndarray,
        start: np.ndarray,
        rng: random.Random,
    ) -> None:
        self._material = material
        self._classes, self._weights, self._random = classes, weights, rng
        self._texts = [text for text in material.texts if len(text) > 1]
        foreign = 1 + max(int(words.max()) for _, words in material.translations)
        self.english = nn.EmbeddingBag(*start.shape, mode="sum")
        self.foreign = nn.EmbeddingBag(foreign, start.shape[1], mode="mean")
        with torch.no_grad():
            self.english.weight.copy_(torch.from_numpy(start))
            self.foreign.weight.mul_(0.02)

    def order(self) -> list[str]:
        sizes = {
            "query": len(self._material.chosen),
            "sentence": len(self._texts),
            "translation": len(self._material.translations),
        }
        order = [
            kind for kind, size in sizes.items() for _ in range(int(PASSES[kind] * size / PAIRS))
        ]
        self._random.shuffle(order)
        return order

    def halves(self, kind: str) -> tuple[Tensor, Tensor]:
        """Two bags of each of ``PAIRS`` pairs, of length one, [pairs, dimensions]."""
        if kind == "translation":
            drawn = self._random.sample(range(len(self._material.translations)), PAIRS)
            pairs = [self._material.translations[i] for i in drawn]
            foreign = _sums(self.foreign, [words for _, words in pairs])
            return self._english([ids for ids, _ in pairs]), functional.normalize(foreign, dim=1)
        draw = self._query if kind == "query" else self._sentence
        pairs = [draw() for _ in range(PAIRS)]
        known = self._classes, self._weights
        return self._english([one for one, _ in pairs]), self._english(
            [without_shared(one, other, *known, LOST, self._random) for one, other in pairs]
        )

    def _query(self) -> tuple[Bag, Bag]:
        i = self._random.choice(self._material.chosen)
        data = self._material.data
        return data.queries[i][:LONGEST_QUERY], data.positives[i][:LONGEST]

    def _sentence(self) -> tuple[Bag, Bag]:
        text = self._random.choice(self._texts)
        at = self._random.randrange(len(text))
        around = [*text[max(0, at - AROUND) : at], *text[at + 1 : at + 1 + AROUND]]
        return text[at][:LONGEST_QUERY], np.concatenate(around)[:LONGEST]

    def _english(self, bags: list[Bag]) -> Tensor:
        flat = np.concatenate(bags)
        weights = torch.from_numpy(self._weights[flat])
        sums = _sums(self.english, [self._classes[bag] for bag in bags], weights)
        return functional.normalize(sums, dim=1)


def _sums(table: nn.EmbeddingBag, bags: list[Bag], weights: Tensor | None = None) -> Tensor:
    starts = np.cumsum([0, *(len(bag) for bag in bags[:-1])])
    sums: Tensor = table(torch.from_numpy(np.concatenate(bags)), torch.from_numpy(starts), weights)
    return sums
