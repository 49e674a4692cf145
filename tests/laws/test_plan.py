"""Promise 6: what runs at once is bounded by the budget, not by the request."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rerank_core import _core

LENGTHS = st.lists(st.integers(1, 512), max_size=60)


def plan(lengths, **limits):
    defaults = {
        "max_batch_tokens": 512,
        "max_batch_rows": 1 << 40,
        "width_multiple": 1,
        "max_width": 512,
        "workers": 2,
    }
    return _core.plan_batches(np.array(lengths, np.int64), **{**defaults, **limits})


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 9), st.sampled_from([1, 8, 32]))
def test_every_row_once_and_no_batch_over_the_budget(lengths, budget, workers, multiple):
    batches = plan(lengths, max_batch_tokens=budget, workers=workers, width_multiple=multiple)
    assert sorted(row for rows, _ in batches for row in rows) == list(range(len(lengths)))
    for rows, width in batches:
        assert len(rows) == 1 or len(rows) * width <= budget
        assert all(lengths[row] <= width < lengths[row] + multiple for row in rows)


@given(LENGTHS, st.data())
def test_a_row_is_as_wide_in_any_company(lengths, data):
    """So its padding is its own, whoever else is in the request."""

    def widths(some):
        return {row: width for rows, width in plan(some, width_multiple=8) for row in rows}

    kept = data.draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    among_all = widths(lengths)
    subset = [row for row, keep in enumerate(kept) if keep]
    among_some = widths([lengths[row] for row in subset])
    assert [among_some[place] for place in range(len(subset))] == [among_all[row] for row in subset]


@given(LENGTHS)
def test_widest_first(lengths):
    widths = [width for _, width in plan(lengths)]
    assert widths == sorted(widths, reverse=True)
