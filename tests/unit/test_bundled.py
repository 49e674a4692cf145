"""The bundled model ranks as its committed results say, and a score of one half has a meaning."""

import hashlib

import pytest

from rerank_core import Reranker
from rerank_core.models.store import find
from tests import shared
from training import evaluate, judged, report

RELEVANT = [
    ("what causes tides", "The gravity of the moon pulls the oceans and causes the tides."),
    ("symptoms of diabetes", "Symptoms of diabetes include thirst and frequent urination."),
    ("who wrote Hamlet", "Hamlet is a tragedy written by William Shakespeare around 1600."),
    ("how to install rust", "To install Rust on Linux or macOS, run the rustup install script."),
]


def test_the_results_are_of_the_model_that_ships():
    graph = find("bundled").graph.read_bytes()
    assert report.load("bundled")["sha256"] == hashlib.sha256(graph).hexdigest()


def test_it_stays_small():
    assert sum(path.stat().st_size for path in find("bundled").directory.iterdir()) < 8_000_000


def test_half_separates_what_answers_from_what_does_not(bundled):
    found = []
    for query, text in RELEVANT:
        others = [other for _, other in RELEVANT if other != text]
        own, *theirs = bundled.score(query, [text, *others])
        found.append(own)
        assert max(theirs) < 0.2, query
    assert sum(found) / len(found) > 0.5


def test_paraphrases_against_words(bundled):
    """Other machines round otherwise: two groups may fall to the other side."""
    found, wanted = evaluate.probes(bundled), report.load("bundled")["probes"]
    assert abs(found["right"] - wanted["right"]) <= 2
    assert abs(found["also_others"] - wanted["also_others"]) <= 2
    assert found["also_others"] <= found["right"]


@pytest.mark.parametrize(
    ("query", "answer", "other"),
    [
        ("Which colour is grass?", "Grass is green.", "The sky is blue."),
        ("grass", "Grass is green.", "The sky is blue."),
        ("who wrote Hamlet", "Shakespeare wrote Hamlet.", "Dickens wrote Oliver Twist."),
        ("capital of France", "Paris is the capital of France.", "Bread rises."),
        ("what do cows eat", "Cows graze on grass and hay.", "Tigers hunt deer."),
    ],
)
def test_to_share_no_word_is_no_merit(bundled, query, answer, other):
    first, second = bundled.score(query, [answer, other])
    assert first > second


def test_a_batch_of_different_queries_changes_nothing(bundled):
    queries = ["a", "the cat on the mat", "one two three four five six seven eight nine ten " * 4]
    texts = ["cat " * 31, "dog " * 27, "seven " * 5]
    together = bundled.score_pairs(queries * 3, [text for text in texts for _ in range(3)])
    alone = [bundled.score(query, [text])[0] for text in texts for query in queries]
    assert together.tolist() == alone


@shared.needed
@pytest.mark.parametrize("name", ["medline", "dl19"])
def test_a_judged_collection(name):
    with Reranker() as reranker:
        found = evaluate.collection(reranker, judged.read(shared.DATA, name))
    wanted = report.load("bundled")["collections"][name]
    assert found["bm25"] == pytest.approx(wanted["bm25"])
    assert found["model"] == pytest.approx(wanted["model"], abs=0.003)
