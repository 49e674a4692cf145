"""Promise 4: the order is total, whatever the logits."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rerank_core import _core

# Few distinct values, so that ties are common; saturated ones among them.
LOGITS = st.lists(st.sampled_from([-60.0, -1.5, 0.0, -0.0, 1.5, 40.0, 60.0, 61.0]), max_size=40)


def rank(values, top_n=None):
    logits = np.array(values, np.float32)
    return _core.rank(logits, len(values) if top_n is None else top_n).tolist()


@given(LOGITS)
def test_higher_first_then_lower_index(values):
    order = rank(values)
    assert sorted(order) == list(range(len(values)))
    for first, second in pairwise(order):
        assert (values[first], -first) > (values[second], -second)


@given(LOGITS, st.integers(0, 50))
def test_top_n_is_a_prefix(values, top_n):
    assert rank(values, top_n) == rank(values)[:top_n]


@given(LOGITS)
def test_scores_never_contradict_the_order(values):
    scores = _core.sigmoid(np.array(values, np.float32))
    assert (np.diff(scores[rank(values)]) <= 0).all()
    assert ((scores >= 0) & (scores <= 1)).all()
