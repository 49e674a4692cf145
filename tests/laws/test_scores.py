"""Promise 1: a score belongs to its pair. On the CPU, bit for bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_core import Reranker
from tests import models

DOCUMENTS = [*models.texts(30, seed=4, longest=70), "", "stone", "river " * 600]
QUERY = "silver river bridge"


@pytest.fixture(scope="module", params=["bert", "bundled"])
def which(request, model_directory):
    return "bundled" if request.param == "bundled" else model_directory


@pytest.fixture(scope="module")
def alone(which):
    """The truth: each document in a request of its own, one thread."""
    with Reranker(which, threads=1) as reranker:
        return {text: reranker.score(QUERY, [text], raw_scores=True)[0] for text in DOCUMENTS}


@pytest.fixture(scope="module")
def reranker(which):
    with Reranker(which, threads=3) as made:
        yield made


def test_company_does_not_matter(reranker, alone):
    together = reranker.score(QUERY, DOCUMENTS, raw_scores=True)
    assert together.tolist() == [alone[text] for text in DOCUMENTS]


@settings(max_examples=20)
@given(order=st.permutations(range(len(DOCUMENTS))))
def test_order_does_not_matter(reranker, alone, order):
    documents = [DOCUMENTS[place] for place in order]
    assert reranker.score(QUERY, documents, raw_scores=True).tolist() == [
        alone[t] for t in documents
    ]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("token_budget", [1, 64, 512, 100_000])
def test_threads_and_budget_do_not_matter(which, alone, threads, token_budget):
    with Reranker(which, threads=threads, token_budget=token_budget) as reranker:
        scores = reranker.score(QUERY, DOCUMENTS, raw_scores=True)
    assert scores.tolist() == [alone[text] for text in DOCUMENTS]


def test_repeats_score_alike(reranker, alone):
    documents = [DOCUMENTS[3]] * 50
    assert set(reranker.score(QUERY, documents, raw_scores=True).tolist()) == {alone[DOCUMENTS[3]]}


def test_score_pairs_is_the_loop(reranker):
    queries = [QUERY, "bread recipe", QUERY, "x y z", "naïve"] * 6
    documents = DOCUMENTS[:30]
    loop = [
        reranker.score(query, [text])[0] for query, text in zip(queries, documents, strict=True)
    ]
    assert reranker.score_pairs(queries, documents).tolist() == loop


@settings(max_examples=20)
@given(top_n=st.integers(1, 60))
def test_top_n_is_a_prefix_of_the_ranking(reranker, top_n):
    whole = reranker.rerank(QUERY, DOCUMENTS)
    assert reranker.rerank(QUERY, DOCUMENTS, top_n=top_n).data == whole.data[:top_n]


def test_ranking_is_the_scores_sorted_stably(reranker):
    documents = DOCUMENTS * 2  # every score twice
    logits = reranker.score(QUERY, documents, raw_scores=True)
    result = reranker.rerank(QUERY, documents, raw_scores=True)
    assert [hit.index for hit in result.data] == np.argsort(-logits, kind="stable").tolist()
    assert [hit.score for hit in result.data] == sorted(logits.tolist(), reverse=True)


def test_scores_are_probabilities_in_the_order_of_logits(reranker):
    result = reranker.rerank(QUERY, DOCUMENTS)
    raw = reranker.rerank(QUERY, DOCUMENTS, raw_scores=True)
    assert [hit.index for hit in result.data] == [hit.index for hit in raw.data]
    for hit, logit in zip(result.data, raw.data, strict=True):
        assert hit.score == pytest.approx(1 / (1 + np.exp(-logit.score)), abs=1e-12)


def test_no_documents_no_scores(reranker):
    assert reranker.score(QUERY, []).shape == (0,)
    assert reranker.score_pairs([], []).shape == (0,)


def test_documents_come_back_as_the_same_objects(reranker):
    documents = [{"text": text, "extra": [1]} for text in DOCUMENTS]
    copies = [dict(document) for document in documents]
    result = reranker.rerank(QUERY, documents)
    assert all(hit.document is documents[hit.index] for hit in result.data)
    assert documents == copies


def test_windows_take_the_best(which):
    """A document in windows scores as the best of its windows would alone."""
    with Reranker(which, max_length=32) as reranker:
        tokenizer = reranker._tokenizer
        words = [w for w in " ".join(DOCUMENTS[:30]).split() if len(tokenizer.cut([w]).ids) == 1]
        room = 32 - tokenizer.layout.num_special - len(tokenizer.cut([QUERY]).ids)
        document = words[: 4 * room + 3]
        windows = [" ".join(document[at : at + room]) for at in range(0, len(document), room)]
        alone = reranker.score(QUERY, windows, raw_scores=True)
        assert len(windows) == 5

        for chunks in (1, 2, 5, 9):
            options: Any = {"max_chunks_per_doc": chunks, "raw_scores": True}
            (score,) = reranker.score(QUERY, [" ".join(document)], **options)
            assert score == alone[:chunks].max()
            result = reranker.rerank(QUERY, ["stone", " ".join(document)], **options)
            assert result.truncated == (() if chunks >= 5 else (1,))
