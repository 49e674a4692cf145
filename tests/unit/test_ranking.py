import math

import numpy as np
import pytest

from rerank_core import _core


def logits(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("values", "top_n", "order"),
    [
        ((), 3, []),
        ((0.5,), 0, []),
        ((1, 3, 2), 3, [1, 2, 0]),
        ((1, 3, 2), 2, [1, 2]),
        ((1, 3, 2), 99, [1, 2, 0]),
        ((2, 2, 3, 2), 3, [2, 0, 1]),  # ties: lower index first
        ((0.0, -0.0), 2, [0, 1]),
        ((40, 50, 60), 3, [2, 1, 0]),  # their sigmoids are all 1.0
        ((-math.inf, math.inf, 0), 3, [1, 2, 0]),
    ],
)
def test_rank(values, top_n, order):
    assert _core.rank(logits(*values), top_n).tolist() == order


def test_nan_has_no_rank():
    with pytest.raises(ValueError, match=r"logits\[1\] is NaN"):
        _core.rank(logits(1, math.nan), 1)


@pytest.mark.parametrize(
    ("logit", "score"),
    [
        (0, 0.5),
        (math.log(3), 0.75),
        (-math.log(3), 0.25),
        (1000, 1.0),
        (-1000, 0.0),
        (math.inf, 1.0),
        (-math.inf, 0.0),
    ],
)
def test_sigmoid(logit, score):
    assert _core.sigmoid(logits(logit))[0] == pytest.approx(score, abs=1e-8)


def test_sigmoid_of_pinecones_half_precision_logits():
    # Pinecone's documented scores are sigmoids of these fp16 values (SDK docs, bge-reranker-v2-m3).
    values = logits(-0.06573486, -2.97851563, -7.328125)
    expected = [0.48357219, 0.048405956, 0.0006563728]
    np.testing.assert_allclose(_core.sigmoid(values), expected, rtol=1e-6)


def test_results_own_their_memory():
    values = logits(1, 2)
    scores = _core.sigmoid(values)
    values[:] = 99
    assert scores[0] == pytest.approx(0.7310585786)
    scores[0] = 7  # writable, and its own
    assert scores[0] == 7
