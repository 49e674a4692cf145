"""Which English stem is translated by which foreign word: IBM Model 1 (Brown et al. 1993), both ways."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from scipy import sparse

STEM = 4  # letters of a foreign word that are kept: most languages bend the end
ROUNDS = 8
DOUBT = 0.3  # added to every total, so that a word seen once is not certain of anything
LEAST = 0.1  # expected links


def foreign_stems(pairs: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    """The numbers of the stems of each sentence; languages do not share any.

    Args:
        pairs: Language and sentence.
    """
    numbers: dict[tuple[str, str], int] = {}
    found = []
    for language, sentence in pairs:
        stems = dict.fromkeys(word[:STEM] for word in re.findall(r"\w+", sentence.lower()))
        found.append(
            np.array([numbers.setdefault((language, stem), len(numbers)) for stem in stems], int)
        )
    return found


def counts(english: list[np.ndarray], foreign: list[np.ndarray], classes: int) -> sparse.csr_matrix:
    """Expected number of links, [classes, foreign stems].

    A link counts with the geometric mean of its probabilities in the two directions.

    Args:
        english: The stem classes of each English sentence.
        foreign: The numbers of the stems of its translation.
        classes: How many classes there are.
    """
    rows, at_foreign = _crossed(english, foreign)
    columns, at_english = _crossed(foreign, english, transposed=True)
    width = int(columns.max()) + 1
    links, place = np.unique(rows * width + columns, return_inverse=True)
    row, column = links // width, links % width
    there = _posteriors(place, row, at_foreign)
    back = _posteriors(place, column, at_english)
    expected = np.bincount(place, np.sqrt(there * back), len(links))
    kept = expected > LEAST
    return sparse.csr_matrix((expected[kept], (row[kept], column[kept])), shape=(classes, width))


def _crossed(
    words: list[np.ndarray], others: list[np.ndarray], transposed: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Each word of a sentence against each of the other side: the word, and the other's place."""
    starts = np.cumsum([0, *(len(other) for other in others)])
    crossed, places = [], []
    for word, other, start in zip(words, others, starts, strict=False):
        grid = np.meshgrid(word, start + np.arange(len(other)), indexing="ij")
        crossed.append((grid[0].T if transposed else grid[0]).ravel())
        places.append((grid[1].T if transposed else grid[1]).ravel())
    return np.concatenate(crossed), np.concatenate(places)


def _posteriors(place: np.ndarray, given: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Of each possible link, how likely it is among those of its target word.

    Args:
        place: The link type of each possible link.
        given: The conditioning word of each link type.
        target: The place, in the text, of the word that each possible link explains.
    """
    table = np.ones(len(given))
    for _ in range(ROUNDS):
        chance = table[place]
        chance /= np.bincount(target, chance)[target]
        expected = np.bincount(place, chance, len(table))
        table = expected / (np.bincount(given, expected)[given] + DOUBT)
    return chance
