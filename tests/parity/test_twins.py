"""Every function of the native core against its slow, obvious twin."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_core import TokenLimitError, _core, _reference
from tests import tolerances

FLOATS = st.floats(width=32, allow_nan=False)
TEXTS = st.lists(st.lists(st.integers(5, 99), max_size=12), max_size=8)
PIECES = st.lists(
    st.tuples(st.just("special"), st.integers(0, 4), st.integers(0, 1)), max_size=4
).flatmap(lambda special: st.permutations([*special, ("query", 0, 0), ("document", 0, 1)]))


def flat(texts) -> tuple[Any, Any]:
    ids = np.array([token for text in texts for token in text], np.int32)
    return ids, np.cumsum([0, *map(len, texts)]).astype(np.int64)


@given(st.lists(FLOATS, max_size=30), st.integers(0, 40))
def test_rank(values, top_n):
    logits = np.array(values, np.float32)
    assert _core.rank(logits, top_n).tolist() == _reference.rank(logits.tolist(), top_n)


@given(st.lists(FLOATS, max_size=30))
def test_sigmoid(values):
    logits = np.array(values, np.float32)
    difference = _core.sigmoid(logits) - _reference.sigmoid(logits)
    assert np.abs(difference).max(initial=0) <= tolerances.SIGMOID


@given(
    st.lists(st.integers(1, 60), max_size=40),
    st.fixed_dictionaries(
        {
            "max_batch_tokens": st.integers(1, 200),
            "max_batch_rows": st.integers(1, 8),
            "width_multiple": st.sampled_from([1, 2, 8, 32]),
            "max_width": st.integers(60, 70),
            "workers": st.integers(1, 5),
        }
    ),
)
def test_plan(lengths, limits):
    native = _core.plan_batches(np.array(lengths, np.int64), **limits)
    assert native == _reference.plan_batches(lengths, **limits)


@given(PIECES, TEXTS.filter(len), TEXTS.map(lambda texts: texts + texts[::2]), st.data())
def test_pairing_and_packing(pieces, queries, documents, data):
    special = sum(kind == "special" for kind, _, _ in pieces)
    room = st.integers(special + 1, special + 25)
    limits = {
        "row_tokens": data.draw(room),
        "max_chunks": data.draw(st.integers(1, 4)),
        "truncate": data.draw(st.sampled_from(["END", "NONE"])),
        **data.draw(
            st.fixed_dictionaries(
                {}, optional={"pair_tokens": room, "doc_tokens": st.integers(0, 9)}
            )
        ),
    }
    owner = data.draw(
        st.lists(st.integers(0, len(queries) - 1), min_size=len(documents), max_size=len(documents))
    )
    layout = _core.PairTemplate(pieces)
    assert layout.num_special == special

    expected = offenders = None
    try:
        expected = _reference.pair_rows(pieces, queries, documents, owner, **limits)
    except _reference.TokenLimitExceededError as error:
        offenders = error.args[0]

    def run():
        return _core.pack_pairs(
            layout,
            *flat(queries),
            *flat(documents),
            np.array(owner, np.int64),
            _core.PairLimits(**limits),
        )

    if expected is None:
        with pytest.raises(TokenLimitError) as caught:
            run()
        assert caught.value.offenders == offenders
        return
    native = run()
    for name, tensor in _reference.pack(expected.rows).items():
        assert native[name].tolist() == tensor.tolist()
    assert native["pair_of"].tolist() == [row.pair for row in expected.rows]
    assert native["row_tokens"].tolist() == [len(row.ids) for row in expected.rows]
    assert native["first_equal"].tolist() == _reference.first_equal(expected.rows)
    assert native["tokens_run"].tolist() == expected.tokens_run
    assert native["truncated"].tolist() == expected.truncated
