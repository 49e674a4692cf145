"""Which tokens a row holds: literal tables."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_core import TokenLimitError, _core

BERT = [
    ("special", 1, 0),
    ("query", 0, 0),
    ("special", 2, 0),
    ("document", 0, 1),
    ("special", 2, 1),
]


def pack(queries, documents, *, query_of=None, pieces=BERT, **limits):
    def encoded(texts) -> tuple[Any, Any]:
        flat = [token for text in texts for token in text]
        offsets = np.cumsum([0, *(len(text) for text in texts)])
        return np.array(flat, np.int32), offsets.astype(np.int64)

    owners = np.array([0] * len(documents) if query_of is None else query_of, np.int64)
    return _core.pack_pairs(
        _core.PairTemplate(pieces),
        *encoded(queries),
        *encoded(documents),
        owners,
        _core.PairLimits(**limits),
    )


def test_bert_layout_and_padding():
    packed = pack([[11, 12]], [[21, 22, 23], [31]], row_tokens=512)
    assert packed["input_ids"].tolist() == [
        [1, 11, 12, 2, 21, 22, 23, 2],
        [1, 11, 12, 2, 31, 2, 0, 0],
    ]
    assert packed["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1, 0, 0]]
    assert packed["attention_mask"].tolist() == [[1] * 8, [1] * 6 + [0] * 2]
    assert packed["tokens_run"].tolist() == [8, 6]
    assert packed["truncated"].tolist() == [False, False]


def test_roberta_layout_has_two_separators_and_one_type():
    pieces = [
        ("special", 0, 0),
        ("query", 0, 0),
        ("special", 2, 0),
        ("special", 2, 0),
        ("document", 0, 0),
        ("special", 2, 0),
    ]
    packed = pack([[11]], [[21]], pieces=pieces, row_tokens=512)
    assert packed["input_ids"].tolist() == [[0, 11, 2, 2, 21, 2]]
    assert not packed["token_type_ids"].any()


def test_the_document_may_come_first():
    pieces = [("document", 0, 0), ("special", 9, 0), ("query", 0, 1)]
    assert pack([[1, 2]], [[3]], pieces=pieces, row_tokens=9)["input_ids"].tolist() == [
        [3, 9, 1, 2]
    ]


@pytest.mark.parametrize(
    ("row_tokens", "ids", "truncated"),
    [
        (9, [1, 11, 12, 2, 21, 22, 23, 24, 2], False),  # just fits
        (8, [1, 11, 12, 2, 21, 22, 23, 2], True),
        (6, [1, 11, 12, 2, 21, 2], True),
        (5, [1, 11, 12, 2, 2], True),  # the query fills the limit alone
        (4, [1, 11, 2, 2], True),  # only now it is cut
    ],
)
def test_end_cuts_the_document_first_and_the_query_last(row_tokens, ids, truncated):
    packed = pack([[11, 12]], [[21, 22, 23, 24]], row_tokens=row_tokens)
    assert packed["input_ids"].tolist() == [ids]
    assert packed["truncated"].tolist() == [truncated]


def test_none_names_every_offender_with_its_tokens():
    with pytest.raises(TokenLimitError) as caught:
        pack([[11, 12]], [[21], [21] * 5, [], [21] * 9], row_tokens=8, truncate="NONE")
    assert caught.value.details == {
        "documents": [
            {"index": 1, "tokens": 10, "limit": 8},
            {"index": 3, "tokens": 14, "limit": 8},
        ]
    }
    assert str(caught.value) == (
        "Request contains a query+document pair with 14 tokens, which exceeds the maximum token "
        'limit of 8 for each query+document pair. Consider setting "parameters.truncate" to "END" '
        "to truncate long query+document pairs."
    )


def test_none_accepts_what_just_fits():
    assert pack([[11]], [[21, 22]], row_tokens=6, truncate="NONE")["truncated"].tolist() == [False]


def test_doc_tokens_cut_before_the_limit_is_looked_at():
    packed = pack([[11]], [[21] * 9], row_tokens=6, doc_tokens=2, truncate="NONE")
    assert packed["input_ids"].tolist() == [[1, 11, 2, 21, 21, 2]]
    assert packed["truncated"].tolist() == [True]


def test_windows_are_consecutive_and_fit_beside_the_query():
    packed = pack([[11]], [[21, 22, 23, 24, 25], [31]], row_tokens=6, max_chunks=3)
    assert packed["input_ids"].tolist() == [
        [1, 11, 2, 21, 22, 2],
        [1, 11, 2, 23, 24, 2],
        [1, 11, 2, 25, 2, 0],
        [1, 11, 2, 31, 2, 0],
    ]
    assert packed["pair_of"].tolist() == [0, 0, 0, 1]
    assert packed["tokens_run"].tolist() == [17, 5]
    assert packed["truncated"].tolist() == [False, False]


def test_windows_beyond_max_chunks_are_dropped_and_reported():
    packed = pack([[11]], [[21, 22, 23, 24, 25]], row_tokens=6, max_chunks=2)
    assert packed["pair_of"].tolist() == [0, 0]
    assert packed["truncated"].tolist() == [True]


def test_pair_tokens_limit_all_windows_together():
    packed = pack([[11]], [[21, 22, 23, 24, 25]], row_tokens=6, max_chunks=9, pair_tokens=7)
    assert packed["input_ids"].tolist() == [[1, 11, 2, 21, 22, 2], [1, 11, 2, 23, 2, 0]]
    assert packed["truncated"].tolist() == [True]


def test_a_query_that_fills_the_row_leaves_one_window():
    packed = pack([[11, 12, 13]], [[21, 22]], row_tokens=6, max_chunks=5)
    assert packed["input_ids"].tolist() == [[1, 11, 12, 13, 2, 2]]
    assert packed["truncated"].tolist() == [True]


def test_an_empty_document_is_a_row():
    packed = pack([[11]], [[]], row_tokens=8, truncate="NONE")
    assert packed["input_ids"].tolist() == [[1, 11, 2, 2]]
    assert packed["truncated"].tolist() == [False]


def test_each_pair_has_its_own_query():
    packed = pack([[11], [12]], [[21], [22], [23]], query_of=[1, 0, 1], row_tokens=8)
    assert packed["input_ids"][:, 1].tolist() == [12, 11, 12]


def test_the_longest_max_chunks_does_not_overflow():
    packed = pack([[11]], [[21, 22]], row_tokens=6, max_chunks=2**63 - 1, truncate="NONE")
    assert packed["pair_of"].tolist() == [0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row_tokens": 3}, "a pair needs room for 3 special tokens and one more, the limit is 3"),
        ({"row_tokens": 8, "pair_tokens": 1}, "the limit is 1"),
        ({"row_tokens": 8, "max_chunks": 0}, "max_chunks must be at least 1"),
        ({"row_tokens": 8, "query_of": [1]}, r"query_of\[0\] is out of range"),
        ({"row_tokens": 8, "query_of": [-1]}, r"query_of\[0\] is out of range"),
        ({"row_tokens": 8, "query_of": [0, 0]}, "one entry per document"),
        ({"row_tokens": 8, "truncate": "end"}, "truncate is END or NONE"),
        ({"row_tokens": 8, "pieces": BERT[:3]}, "the query once and the document once"),
        ({"row_tokens": 8, "pieces": [*BERT, ("pair", 0, 0)]}, "not pair"),
    ],
)
def test_broken_preconditions(change, message):
    with pytest.raises(ValueError, match=message):
        pack([[11]], [[21]], **change)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [([], "start with 0"), ([1, 2], "start with 0"), ([0, 2, 1], "never fall"), ([0, 3], "end at")],
)
def test_offsets_are_checked_before_anything_is_read(offsets, message):
    ids, one = np.array([5, 6], np.int32), np.array([0, 2], np.int64)
    layout = _core.PairTemplate(BERT)
    with pytest.raises(ValueError, match=message):
        _core.pack_pairs(
            layout,
            ids,
            one,
            ids,
            np.array(offsets, np.int64),
            np.zeros(1, np.int64),
            _core.PairLimits(row_tokens=9),
        )


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(np.arange(2, dtype=np.int64), id="int64"),
        pytest.param(np.arange(4, dtype=np.int32)[::2], id="strided"),
        pytest.param([0, 1], id="list"),
    ],
)
def test_arrays_are_borrowed_or_refused_never_copied(ids):
    offsets = np.array([0, 2], np.int64)
    good = np.arange(2, dtype=np.int32)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _core.pack_pairs(
            _core.PairTemplate(BERT),
            ids,
            offsets,
            good,
            offsets,
            np.zeros(1, np.int64),
            _core.PairLimits(row_tokens=9),
        )


@given(
    query=st.integers(0, 12),
    documents=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    limits=st.fixed_dictionaries(
        {"row_tokens": st.integers(4, 20)},
        optional={
            "pair_tokens": st.integers(4, 40),
            "doc_tokens": st.integers(1, 30),
            "max_chunks": st.integers(1, 4),
        },
    ),
)
def test_what_is_beyond_the_room_of_a_document_makes_no_difference(query, documents, limits):
    room = _core.document_room(_core.PairTemplate(BERT), query, _core.PairLimits(**limits))
    whole = [list(range(100, 100 + length)) for length in documents]
    asked = [list(range(11, 11 + query))]
    expected = pack(asked, whole, **limits)
    found = pack(asked, [document[:room] for document in whole], **limits)
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in expected.items()
    }


def test_under_none_all_tokens_are_counted():
    limits = _core.PairLimits(row_tokens=8, truncate="NONE")
    assert _core.document_room(_core.PairTemplate(BERT), 2, limits) == np.iinfo(np.int64).max
