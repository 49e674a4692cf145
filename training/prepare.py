"""From ``data`` to everything that training reads, in a work folder; a stage that is there is kept."""

from __future__ import annotations

import json
import pickle
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from . import (
    alignment,
    associations,
    collections,
    corpus,
    groups,
    leaks,
    tables,
    vectors,
    vocabulary,
)
from .batches import Encoded, encode
from .corpus import GENRES, Corpus, Passage

PIECES = 36_864
DIMENSIONS = (128, 128)  # by neighbours, by translations
DIVISION = {"development": 4, "scorer": 30, "vectors": 66}  # documents in a hundred
UNASKED = "tatoeba"  # single sentences: only for counting words


def prepare(data: Path, work: Path, seed: int, without: str = "") -> None:
    """Run the stages whose output is missing.

    The scorer learns from other documents than the vectors do, or it would trust them too much:
    they know the passages that they were trained on.

    Args:
        data: With training/, corpora/ and collections/ below; of the last only what keeps their
            text out of training is read.
        work: Where the output goes.
        seed: Of every draw.
        without: A genre that the vectors do not learn from, see `train.Settings`.
    """
    work.mkdir(parents=True, exist_ok=True)
    _stage(work / "corpus.pkl", lambda: _corpus(data, work, seed))
    _stage(work / "tokenizer.json", lambda: _tokenizer(data, work))
    _stage(work / "tables.npz", lambda: _tables(data, work))
    _stage(work / "groups.pkl", lambda: _groups(work, seed))
    _stage(work / f"vectors{without}.npy", lambda: _vectors(data, work, seed, without))


def read(path: Path) -> Any:
    """What a stage wrote; only for files of one's own, as pickle runs what it reads."""
    return pickle.loads(path.read_bytes())


def tokenizer(work: Path) -> Tokenizer:
    return Tokenizer.from_file(str(work / "tokenizer.json"))


def _stage(output: Path, make: Callable[[], None]) -> None:
    if not output.exists():
        print(f"{output.name}: being made", flush=True)
        make()


def _corpus(data: Path, work: Path, seed: int) -> None:
    whole = corpus.read(data, seed)
    kept, report = leaks.without(whole, collections.text(data))
    counts = {
        "passages": len(kept.passages),
        "words": sum(len(passage.text.split()) for passage in kept.passages),
        "questions": dict(
            sorted(Counter(kept.passages[q.passage].source for q in kept.questions).items())
        ),
        "removed": report,
    }
    (work / "data.json").write_text(json.dumps(counts, indent=1) + "\n")
    (work / "corpus.pkl").write_bytes(pickle.dumps(kept))


def _tokenizer(data: Path, work: Path) -> None:
    kept: Corpus = read(work / "corpus.pkl")
    words = vocabulary.count_words(
        [passage.text for passage in kept.passages] + [q.text for q in kept.questions]
    )
    foreign = vocabulary.count_words(corpus.foreign_text(data))
    made = vocabulary.build(words, foreign, PIECES)
    made.save(str(work / "tokenizer.json"), pretty=False)


def _tables(data: Path, work: Path) -> None:
    kept: Corpus = read(work / "corpus.pkl")
    pieces = tokenizer(work)
    classes = tables.stem_classes(pieces)
    count = int(classes.max()) + 1
    encoded = iter(encode(pieces, [part for p in kept.passages for part in p.sentences]))
    passages, genres = [], defaultdict(list)
    for passage in kept.passages:
        parts = [classes[next(encoded)] for _ in passage.sentences]
        passages.append(np.concatenate([part for ids in parts for part in (ids, [0])]))
        if passage.source != UNASKED:
            genres[GENRES[passage.source]].append(np.concatenate(parts))
    translated, foreign = _translations(data, pieces)
    english = [classes[ids] for ids in translated]
    links = alignment.counts(english, foreign, count)
    seen = np.bincount(np.concatenate(english), minlength=count)
    by_neighbours, by_translations = vectors.made(passages, links, seen, DIMENSIONS)
    known = by_translations.any(1)
    np.savez(
        work / "tables.npz",
        classes=classes,
        weights=tables.prior(pieces) * tables.rarity(genres, count)[classes],
        neighbours=by_neighbours,
        translated=np.where(known, np.cumsum(known), 0),
        translations=np.concatenate([np.zeros((1, DIMENSIONS[1])), by_translations[known]]),
    )


def _translations(data: Path, pieces: Tokenizer) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The ids of the English sentences, and the numbers of the foreign stems of each."""
    pairs = list(corpus.translations(data))
    foreign = alignment.foreign_stems([(language, text) for language, text, _ in pairs])
    return encode(pieces, [text for _, _, text in pairs]), foreign


def _groups(work: Path, seed: int) -> None:
    asked = _without_single_sentences(read(work / "corpus.pkl"))
    built = groups.build(asked, seed)
    pieces = tokenizer(work)
    data = Encoded(
        built,
        encode(pieces, [group.query for group in built]),
        encode(pieces, [group.positive for group in built]),
        encode(pieces, [passage.text for passage in asked.passages]),
        np.array([_part(passage) for passage in asked.passages]),
    )
    (work / "groups.pkl").write_bytes(pickle.dumps(data))


def _without_single_sentences(whole: Corpus) -> Corpus:
    kept, moved = Corpus(), {}
    for i, passage in enumerate(whole.passages):
        if passage.source != UNASKED:
            moved[i] = kept.add(passage.source, passage.document, list(passage.sentences))
    for question in whole.questions:
        kept.ask(question.kind, question.text, moved[question.passage])
    return kept


def _vectors(data: Path, work: Path, seed: int, without: str) -> None:
    groups_: Encoded = read(work / "groups.pkl")
    kept: Corpus = read(work / "corpus.pkl")
    pieces, known = tokenizer(work), np.load(work / "tables.npz")
    genres = set(GENRES.values()) - {without}
    learned = [p for p in kept.passages if GENRES[p.source] in genres and _part(p) == "vectors"]
    encoded = iter(encode(pieces, [part for p in learned for part in p.sentences]))
    texts = [[next(encoded) for _ in p.sentences] for p in learned]
    english, foreign = _translations(data, pieces)
    both = [pair for pair in zip(english, foreign, strict=True) if all(map(len, pair))]
    material = associations.Material(groups_, groups_.chosen("vectors", genres), texts, both)
    made = associations.made(
        material, known["classes"], known["weights"], known["neighbours"], seed
    )
    np.save(work / f"vectors{without}.npy", made)


def _part(passage: Passage) -> str:
    """Who may learn from the document: development, scorer or vectors."""
    place = zlib.crc32(f"{passage.source} {passage.document}".encode()) % 100
    for name, share in DIVISION.items():
        if place < share:
            return name
        place -= share
    raise AssertionError(place)
