"""What the bundled model is trained from: reading, keeping evaluation text out, the vocabulary."""

import random
from collections import Counter

import pytest

from tests import shared
from training import corpus, leaks, metrics, vocabulary


def test_ndcg():
    assert metrics.ndcg([0.9, 0.8, 0.7], [0, 1, 0]) == pytest.approx(0.6309, abs=1e-4)
    assert metrics.ndcg([2.5, 1.5], [2, 1]) == 1
    assert metrics.ndcg([-i for i in range(11)], [0] * 10 + [1]) == 0, "only the first ten count"
    assert metrics.ndcg([1.0], [0]) == 0
    assert metrics.ndcg([0.1, 0.5, 0.5], [0, 1, 2]) == metrics.ndcg([1, 3, 2], [0, 1, 2]), (
        "ties keep their order"
    )


def test_sentences_and_chunks():
    parts = corpus.sentences("One is here. Two follows!  Is it three? " + "word " * 130)
    assert parts[:2] == ["One is here.", "Two follows!"]
    assert max(len(part.split()) for part in parts) <= corpus.LONGEST_SENTENCE
    chunks = corpus.chunks(["five words are in here."] * 40, random.Random(1), 10, 30)
    assert [part for chunk in chunks for part in chunk] == ["five words are in here."] * 40
    assert len(chunks) > 5
    assert corpus.chunks([], random.Random(1)) == []


def a_corpus():
    made = corpus.Corpus()
    shared_words = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu"
    leaking = made.add("nq", "a", [f"This passage has {shared_words} inside."])
    clean = made.add("squad", "b", ["This passage is about something else."])
    made.ask("question", "what is inside the first passage here", leaking)
    made.ask("question", "who wrote the very long book about whales", clean)
    made.ask("question", "what else is there", clean)
    return made, shared_words


def test_text_of_the_evaluation_is_kept_out():
    made, shared_words = a_corpus()
    queries = ["Who wrote the very long book about whales and men?", "unrelated words"]
    kept, report = leaks.without(made, {"judged": (queries, [f"Seen: {shared_words}!"])})
    assert [passage.document for passage in kept.passages] == ["b"]
    assert [question.text for question in kept.questions] == ["what else is there"]
    assert kept.questions[0].passage == 0, "numbers follow the passages that are left"
    assert report == {"judged": {"passages of nq": 1, "questions of squad": 1}}


def test_nothing_is_removed_without_overlap():
    made, _ = a_corpus()
    kept, report = leaks.without(made, {"judged": (["a b"], ["nothing in common"])})
    assert (kept.passages, kept.questions) == (made.passages, made.questions)
    assert report == {"judged": {}}


def test_the_same_words_give_the_same_vocabulary():
    rng = random.Random(5)
    letters = "abcdefghij"
    words = Counter(
        {"".join(rng.choices(letters, k=rng.randint(2, 9))): rng.randint(1, 9) for _ in range(900)}
    )
    words.update(dict.fromkeys(letters, 5))
    shuffled = Counter(dict(rng.sample(sorted(words.items()), len(words))))
    one, two = (vocabulary.build(each, Counter({"ж": 99}), 400) for each in (words, shuffled))
    assert one.to_str() == two.to_str()
    assert one.get_vocab_size() == 400
    assert one.encode("ж").tokens == ["[CLS]", "ж", "[SEP]"]
    for word in words:
        assert "[UNK]" not in one.encode(word).tokens
    pair = one.encode("ab", "cd")
    assert pair.type_ids[-1] == 1
    assert pair.type_ids[0] == 0


@shared.needed
def test_reading_is_repeatable():
    one, two = (corpus.read(shared.DATA, 3) for _ in range(2))
    assert one == two
    assert {passage.source for passage in one.passages} == set(corpus.GENRES)
    assert len(one.questions) > 50_000
