"""Training groups: a query, a passage that answers it, and passages that only BM25 takes for answers.

Besides the questions that people asked, passages give their own: a sentence taken out of its passage
(inverse cloze; Lee, Chang and Toutanova 2019), a few of its rarer words as a keyword query, and an
excerpt that asks for other passages of its document, as a long request asks for a topic.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import bm25s
import numpy as np
import Stemmer

from .corpus import GENRES, Corpus, Passage

WORD = re.compile(r"[a-z0-9]+")
DEPTH = 60  # BM25 results that negatives are drawn from
NEGATIVES = 24
NEAR_DUPLICATE = 0.8  # a "negative" that shares this part of its words with the positive is none


@dataclass(frozen=True)
class Group:
    kind: str  # question, title, claim, cloze, excerpt or keywords
    genre: str
    query: str
    positive: str
    passage: int  # where the positive is from
    negatives: tuple[int, ...]  # passages
    related: tuple[int, ...]  # other passages of the positive's document that BM25 found


@dataclass(frozen=True)
class Asked:
    kind: str
    query: str
    passage: int
    positive: str
    origin: int | None = None  # the passage that an excerpt is from: no answer to itself


class Bm25:
    """BM25 over the passages of a corpus, stemmed, as the first stage would be."""

    def __init__(self, passages: list[Passage]) -> None:
        self._stemmer = Stemmer.Stemmer("english")
        self._index = bm25s.BM25(k1=1.2, b=0.75)
        self._index.index(self._tokens([p.text for p in passages]), show_progress=False)

    def search(self, queries: list[str], k: int) -> list[list[int]]:
        """The passages with a word of the query, best first, ``k`` at most."""
        found, scores = self._index.retrieve(
            self._tokens(queries, return_ids=False), k=k, show_progress=False, n_threads=2
        )
        return [
            [int(i) for i, score in zip(*both, strict=True) if score > 0]
            for both in zip(found, scores, strict=True)
        ]

    def _tokens(self, texts: list[str], **options: bool) -> object:
        return bm25s.tokenize(
            texts, stopwords="en", stemmer=self._stemmer, show_progress=False, **options
        )


def build(corpus: Corpus, seed: int) -> list[Group]:
    """All groups, shuffled; passages too short to be told apart ask nothing."""
    rng = random.Random(seed)
    asked = [
        Asked(
            question.kind, question.text, question.passage, corpus.passages[question.passage].text
        )
        for question in corpus.questions
    ]
    asked += _self_supervised(corpus.passages, rng)
    ranked = Bm25(corpus.passages).search([item.query for item in asked], DEPTH)
    vocabularies = [set(_words(passage.text)) for passage in corpus.passages]
    groups = []
    for item, found in zip(asked, ranked, strict=True):
        group = _group(item, found, corpus.passages, vocabularies, rng)
        if group is not None:
            groups.append(group)
    rng.shuffle(groups)
    return groups


def _group(
    asked: Asked,
    found: list[int],
    passages: list[Passage],
    vocabularies: list[set[str]],
    rng: random.Random,
) -> Group | None:
    """None when BM25 does not find the positive, or too little else: the task is its order."""
    if asked.passage not in found:
        return None
    home = passages[asked.passage]
    own = vocabularies[asked.passage]
    negatives: list[int] = []
    related: list[int] = []
    for i in found:
        other = vocabularies[i]
        if i == asked.origin or len(other & own) > NEAR_DUPLICATE * min(len(other), len(own)):
            continue
        same = (passages[i].source, passages[i].document) == (home.source, home.document)
        (related if same else negatives).append(i)
    if len(negatives) < 4:
        return None
    if len(negatives) > NEGATIVES:
        negatives = [negatives[k] for k in sorted(rng.sample(range(len(negatives)), NEGATIVES))]
    return Group(
        asked.kind,
        GENRES[home.source],
        asked.query,
        asked.positive,
        asked.passage,
        tuple(negatives),
        tuple(related[:6]),
    )


def _self_supervised(passages: list[Passage], rng: random.Random) -> list[Asked]:
    frequency = Counter(word for passage in passages for word in set(_words(passage.text)))
    rarity = {word: math.log(len(passages) / count) for word, count in frequency.items()}
    clozes: list[Asked] = []
    keywords: list[Asked] = []
    for i, passage in enumerate(passages):
        if len(passage.text.split()) < 25:
            continue
        if rng.random() < 0.45:
            clozes += _cloze(i, passage, rng)
        if rng.random() < 0.5:
            keywords += _keywords(i, passage, frequency, rarity, rng)
    return clozes + keywords + _excerpts(passages, rng)


def _cloze(i: int, passage: Passage, rng: random.Random) -> list[Asked]:
    fit = [k for k, part in enumerate(passage.sentences) if 6 <= len(part.split()) <= 45]
    if not fit or len(passage.sentences) < 3:
        return []
    taken = rng.choice(fit)
    rest = [part for k, part in enumerate(passage.sentences) if k != taken or rng.random() < 0.15]
    words = passage.sentences[taken].split()
    if rng.random() < 0.4:
        words = [word for word in words if rng.random() > 0.25]
    return [Asked("cloze", " ".join(words)[:400], i, " ".join(rest))] if len(words) > 4 else []


def _excerpts(passages: list[Passage], rng: random.Random) -> list[Asked]:
    documents: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, passage in enumerate(passages):
        if len(passage.text.split()) >= 25:
            documents[passage.source, passage.document].append(i)
    found = []
    for members in documents.values():
        for i in members if len(members) > 1 else ():
            if rng.random() < 0.3:
                other = rng.choice([k for k in members if k != i])
                words = passages[i].text.split()
                size = rng.randint(12, 70)
                start = rng.randrange(max(1, len(words) - size))
                kept = [word for word in words[start : start + size] if rng.random() > 0.15]
                found.append(Asked("excerpt", " ".join(kept), other, passages[other].text, i))
    return found


def _keywords(
    i: int, passage: Passage, frequency: Counter[str], rarity: dict[str, float], rng: random.Random
) -> list[Asked]:
    source = passage.text if rng.random() < 0.4 else rng.choice(passage.sentences)
    pool = [
        word
        for word in dict.fromkeys(_words(source))
        if len(word) > 2 and rarity[word] > 2.5 and (frequency[word] > 2 or rng.random() < 0.3)
    ]
    if len(pool) < 2:
        return []
    count = min(len(pool), rng.choice([1, 2, 2, 3, 3, 4, 5, 6, 8]))
    weights = np.array([rarity[word] ** 1.5 for word in pool])
    chosen = np.random.default_rng(rng.randrange(2**32)).choice(
        len(pool), count, replace=False, p=weights / weights.sum()
    )
    if rng.random() < 0.5:
        chosen = np.sort(chosen)
    return [Asked("keywords", " ".join(pool[k] for k in chosen), i, passage.text)]


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())
