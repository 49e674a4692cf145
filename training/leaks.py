"""Keeps text of the evaluation collections out of the training text, and counts what was found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from .corpus import Corpus, Passage

PASSAGE_WORDS = 12  # a passage that shares so many words in a row with an evaluation document goes
QUERY_WORDS = 6  # so does a question that shares so many with an evaluation query, or all of them
WORD = re.compile(r"[a-z0-9]+")


def without(
    corpus: Corpus, evaluation: dict[str, tuple[list[str], list[str]]]
) -> tuple[Corpus, dict[str, dict[str, int]]]:
    """The corpus less what overlaps with evaluation text, and how much went, by collection and source.

    Args:
        corpus: What is to be trained on.
        evaluation: Queries and documents of each collection.
    """
    report = {}
    passages: set[int] = set()
    questions: set[int] = set()
    for name, (queries, documents) in evaluation.items():
        known = {run for text in documents for run in _runs(text, PASSAGE_WORDS)}
        asked = {run for text in queries for run in _runs(text, QUERY_WORDS)}
        shared = {
            i
            for i, passage in enumerate(corpus.passages)
            if any(run in known for run in _runs(passage.text, PASSAGE_WORDS))
        }
        repeated = {
            i
            for i, question in enumerate(corpus.questions)
            if any(run in asked for run in _runs(question.text, QUERY_WORDS))
        }
        report[name] = _counts(
            [corpus.passages[i] for i in shared],
            [corpus.passages[corpus.questions[i].passage] for i in repeated],
        )
        passages |= shared
        questions |= repeated
    return _less(corpus, passages, questions), report


def _runs(text: str, size: int) -> Iterator[tuple[str, ...]]:
    """Every run of ``size`` words; a shorter text of three words or more is one run."""
    words = WORD.findall(text.lower())
    if 3 <= len(words) < size:
        yield tuple(words)
    for i in range(len(words) - size + 1):
        yield tuple(words[i : i + size])


def _counts(passages: list[Passage], asked: list[Passage]) -> dict[str, int]:
    counts = Counter(f"passages of {passage.source}" for passage in passages)
    counts.update(f"questions of {passage.source}" for passage in asked)
    return dict(sorted(counts.items()))


def _less(corpus: Corpus, passages: set[int], questions: set[int]) -> Corpus:
    kept = Corpus()
    moved = {}
    for i, passage in enumerate(corpus.passages):
        if i not in passages:
            moved[i] = kept.add(passage.source, passage.document, list(passage.sentences))
    for i, question in enumerate(corpus.questions):
        if i not in questions and question.passage in moved:
            kept.ask(question.kind, question.text, moved[question.passage])
    return kept
