"""Promise 1 in one property, for each precision that ships: a pair has one score, whatever is around it.

What is drawn is all that could matter and must not: which documents stand beside it and how often, their
order, the cut, the batch plan, the threads, other callers, and what was kept of earlier calls.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rerank_core import Reranker
from rerank_core.models.prepare import prepare
from tests import models

TEXTS = [*models.texts(24, seed=11, longest=80), "", "stone", "river " * 90, "river " * 91]
QUERIES = ["silver river bridge", "naïve bread", "stone"]
CUTS = [None, 12, 40, 64]
PLANS: list[dict[str, Any]] = [
    {"threads": 1, "token_budget": 1},
    {"threads": 2},
    {"threads": 1, "token_budget": 10**4},
    {"threads": 3, "token_budget": 97, "cache_rows": 10**6},
    {"threads": 2, "token_budget": 10**5, "cache_rows": 7},
]

PAIRS = st.lists(
    st.tuples(st.sampled_from(range(len(QUERIES))), st.sampled_from(range(len(TEXTS)))),
    min_size=1,
    max_size=30,
)


@pytest.fixture(
    scope="module", params=["random fp32", "bundled fp32", "prepared fp32", "bundled int8"]
)
def directory(request, model_directory, tmp_path_factory):
    name, precision = request.param.split()
    if name in ("random", "bundled") and precision == "fp32":
        return model_directory if name == "random" else "bundled"
    source = "bundled" if name == "bundled" else model_directory
    out = tmp_path_factory.mktemp("prepared") / precision
    return prepare(source, out, precision=precision).directory


@pytest.fixture(scope="module")
def alone(directory):
    """Each pair under each cut, in a call of its own, on one thread, with nothing kept."""
    with Reranker(directory, threads=1, raw_scores=True) as reranker:
        return {
            (query, text, cut): reranker.score(
                QUERIES[query], [TEXTS[text]], max_pair_tokens=cut
            ).item()
            for query in range(len(QUERIES))
            for text in range(len(TEXTS))
            for cut in CUTS
        }


@pytest.fixture(scope="module")
def rerankers(directory):
    made = [Reranker(directory, raw_scores=True, **plan) for plan in PLANS]
    yield made
    for reranker in made:
        reranker.close()


@settings(max_examples=15)
@given(
    plan=st.sampled_from(range(len(PLANS))),
    callers=st.lists(st.tuples(PAIRS, st.sampled_from(CUTS)), min_size=1, max_size=4),
)
def test_a_pair_has_one_score(rerankers, alone, plan, callers):
    def ask(caller):
        pairs, cut = caller
        queries = [QUERIES[query] for query, _ in pairs]
        documents = [TEXTS[text] for _, text in pairs]
        return rerankers[plan].score_pairs(queries, documents, max_pair_tokens=cut).tolist()

    with ThreadPoolExecutor(len(callers)) as pool:
        found = list(pool.map(ask, callers))
    assert found == [[alone[(*pair, cut)] for pair in pairs] for pairs, cut in callers]


def test_what_is_cut_alike_scores_alike(rerankers, alone):
    """The two long documents differ behind the cut only, so they are one row, run once."""
    for cut in CUTS[1:]:
        assert alone[0, 26, cut] == alone[0, 27, cut]
    before = rerankers[1].stats()
    rerankers[1].score(QUERIES[0], TEXTS[26:], max_pair_tokens=CUTS[1])
    after = rerankers[1].stats()
    assert (after.rows - before.rows, after.repeats - before.repeats) == (1, 1)
