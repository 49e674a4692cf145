"""If only one test file is run, then this is the one: an installed package ranks real text."""

import numpy as np
import pytest

import rerank_core
from rerank_core import Inference, Reranker, TokenLimitError

APPLE_QUERY = "The tech company Apple is known for its innovative products like the iPhone."
APPLE = [
    {"id": "vec1", "text": "Apple is a popular fruit known for its sweetness and crisp texture."},
    {"id": "vec2", "text": "Many people enjoy eating apples as a healthy snack."},
    {
        "id": "vec3",
        "text": "Apple Inc. has revolutionized the tech industry with its sleek designs and "
        "user-friendly interfaces.",
    },
    {"id": "vec4", "text": "An apple a day keeps the doctor away, as the saying goes."},
]


def test_ranks_the_example_of_the_documentation():
    with Inference(models={"bge-reranker-v2-m3": "bundled"}) as inference:
        result = inference.rerank(
            model="bge-reranker-v2-m3",
            query=APPLE_QUERY,
            documents=APPLE,
            top_n=2,
            return_documents=True,
            parameters={"truncate": "END"},
        )
    assert result.model == "bge-reranker-v2-m3"
    assert result["data"][0]["document"] is APPLE[2]
    assert result.data[0].index == 2
    assert len(result.data) == 2
    assert 1 >= result.data[0].score > result.data[1].score >= 0
    assert result.usage.rerank_units == 1


def test_scores_and_ranking_agree():
    documents = ["Berlin is in Germany.", "Paris is the capital of France.", "Bread and butter."]
    with Reranker() as reranker:
        scores = reranker.score("What is the capital of France?", documents)
        result = reranker.rerank("What is the capital of France?", documents)
    assert scores.dtype == np.float32
    assert [hit.index for hit in result.data] == list(np.argsort(-scores))
    assert result.data[0].document == documents[1]


def test_a_pair_that_is_too_long_is_named():
    with Reranker() as reranker, pytest.raises(TokenLimitError) as caught:
        reranker.rerank("query", ["short", "long " * 600], truncate="NONE")
    assert caught.value.details == {"documents": [{"index": 1, "tokens": 604, "limit": 512}]}


def test_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert rerank_core.__version__ == version("rerank-core")
