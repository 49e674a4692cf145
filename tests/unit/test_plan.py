"""Which rows run together: literal tables."""

import numpy as np
import pytest

from rerank_core import _core

DEFAULTS = {
    "max_batch_tokens": 12,
    "max_batch_rows": 100,
    "width_multiple": 1,
    "max_width": 512,
    "workers": 1,
}


def plan(lengths, **changes):
    return _core.plan_batches(np.array(lengths, np.int64), **{**DEFAULTS, **changes})


@pytest.mark.parametrize(
    ("lengths", "changes", "batches"),
    [
        ([], {}, []),
        ([5], {}, [([0], 5)]),
        # widest first, equal widths together in input order, never two widths in one batch
        ([4, 6, 4, 6, 4], {}, [([1, 3], 6), ([0, 2, 4], 4)]),
        ([4, 4, 4, 4], {}, [([0, 1, 2], 4), ([3], 4)]),
        # a row over the budget is a batch of its own
        ([40, 2], {}, [([0], 40), ([1], 2)]),
        ([4, 4, 4], {"max_batch_rows": 1}, [([0], 4), ([1], 4), ([2], 4)]),
        # widths are rounded up, but not past the model's own limit
        ([3, 5, 7], {"width_multiple": 4}, [([1], 8), ([2], 8), ([0], 4)]),
        ([3, 4], {"width_multiple": 4}, [([0, 1], 4)]),
        ([9, 10], {"width_multiple": 8, "max_width": 10, "max_batch_tokens": 20}, [([0, 1], 10)]),
        # a small request is shared out
        ([3, 3, 3, 3], {"workers": 2}, [([0, 1], 3), ([2, 3], 3)]),
        ([3, 3, 3, 3], {"workers": 9}, [([0], 3), ([1], 3), ([2], 3), ([3], 3)]),
    ],
)
def test_batches(lengths, changes, batches):
    assert plan(lengths, **changes) == batches


@pytest.mark.parametrize("name", DEFAULTS)
def test_limits_are_at_least_one(name):
    with pytest.raises(ValueError, match="at least 1"):
        plan([4], **{name: 0})


@pytest.mark.parametrize("length", [0, -1, 513])
def test_lengths_are_possible(length):
    with pytest.raises(ValueError, match=f"row 1 has {length} tokens, allowed are 1 to 512"):
        plan([4, length])
