"""Rows that are not run: equal ones of a call, and those that the cache knows."""

from typing import Any

import pytest

from rerank_core import (
    InvalidArgumentError,
    InvalidTypeError,
    Reranker,
    TokenLimitError,
)
from tests import models

DOCUMENTS = ["stone", "river stone", "stone", "stone lamp " * 400, "stone lamp " * 401, ""]


def counts(reranker):
    stats = reranker.stats()
    return stats.rows, stats.repeats, stats.cache_hits


def test_equal_pairs_are_run_once(model_directory):
    with Reranker(model_directory) as reranker:
        alone = [reranker.score("river", [text]).item() for text in DOCUMENTS]
        assert counts(reranker) == (6, 0, 0)
        result = reranker.rerank("river", DOCUMENTS)
        assert counts(reranker) == (10, 2, 0)  # the two long ones are cut alike
        assert {hit.index: hit.document for hit in result.data} == dict(enumerate(DOCUMENTS))
        assert result.truncated == (3, 4)
        assert reranker.score("river", DOCUMENTS).tolist() == alone
        assert reranker.stats().cached_rows == 0


def test_usage_counts_every_pair(model_directory):
    with Reranker(model_directory, cache_rows=9) as reranker:
        once = reranker.rerank("river", ["stone lamp"]).usage.total_tokens
        assert reranker.rerank("river", ["stone lamp"] * 5).usage.total_tokens == 5 * once
        assert counts(reranker) == (1, 4, 1)


def test_an_equal_row_is_equal_in_both_texts(model_directory):
    with Reranker(model_directory) as reranker:
        reranker.score_pairs(["river", "stone", "river", "Stone"], ["lamp"] * 4)
        assert counts(reranker) == (2, 2, 0)  # the tokenizer lowers letters


def test_windows_repeat_too(model_directory):
    with Reranker(model_directory, max_length=16) as reranker:
        score = reranker.score("river", ["stone " * 60], max_chunks_per_doc=4)
        assert reranker.stats().repeats == 3
        assert score == reranker.score("river", ["stone " * 60])


def test_a_cache_serves_later_calls(model_directory):
    with Reranker(model_directory, cache_rows=100) as reranker:
        first = reranker.rerank("river", DOCUMENTS)
        assert counts(reranker) == (4, 2, 0)
        assert reranker.rerank("river", DOCUMENTS) == first
        assert counts(reranker) == (4, 4, 4)
        assert reranker.stats().cached_rows == 4
        logits = reranker.score("river", DOCUMENTS, raw_scores=True)  # what is kept is no score
        with Reranker(model_directory) as other:
            assert other.score("river", DOCUMENTS, raw_scores=True).tolist() == logits.tolist()
        encoded: Any = reranker.encode_documents(DOCUMENTS)
        assert reranker.score("river", encoded, raw_scores=True).tolist() == logits.tolist()
        reranker.score("stone", DOCUMENTS)
        assert counts(reranker) == (8, 10, 12)


def test_settings_belong_to_the_key(model_directory):
    """Whatever changes the tokens of a row makes it another row."""
    options: list[dict[str, Any]] = [
        {},
        {"max_pair_tokens": 40},
        {"max_tokens_per_doc": 5},
        {"max_chunks_per_doc": 3, "max_pair_tokens": 700},
    ]
    with Reranker(model_directory) as plain, Reranker(model_directory, cache_rows=10**6) as cached:
        for _ in range(2):
            for each in options:
                expected = plain.score("river", DOCUMENTS, **each)
                assert cached.score("river", DOCUMENTS, **each).tolist() == expected.tolist()
        with pytest.raises(TokenLimitError):  # known or not
            cached.score("river", DOCUMENTS, truncate="NONE")


def test_the_cache_is_bounded(model_directory):
    texts = models.texts(300, seed=2)
    with Reranker(model_directory, cache_rows=50) as reranker:
        reranker.score("river", texts)
        assert reranker.stats().cached_rows == 50
        reranker.score("river", texts)
        assert reranker.stats().cached_rows == 50


@pytest.mark.parametrize(
    ("rows", "kind", "message"),
    [
        (0, InvalidArgumentError, "cache_rows must be >= 1, got 0"),
        (1.5, InvalidTypeError, "cache_rows must be an integer, got float"),
        (True, InvalidTypeError, "cache_rows must be an integer, got bool"),
    ],
)
def test_bad_sizes(model_directory, rows, kind, message):
    with pytest.raises(kind, match=message):
        Reranker(model_directory, cache_rows=rows)


def test_a_cache_may_be_as_large_as_one_likes(model_directory):
    with Reranker(model_directory, cache_rows=10**30) as reranker:
        reranker.score("river", ["stone"])
        assert reranker.stats().cached_rows == 1
