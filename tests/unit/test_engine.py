"""The engine as Python holds it: what is borrowed, what is given, what is counted."""

import sys

import numpy as np
import pytest

from rerank_core import _core
from rerank_core._onnxruntime import find_library

QUERY = (np.array([5, 6], np.int32), np.array([0, 2], np.int64))
DOCUMENTS = (np.array([7, 8, 9, 10, 11], np.int32), np.array([0, 3, 3, 5], np.int64))
OWNERS = np.zeros(3, np.int64)


def score(reranker, **limits):
    return reranker._engine.run(
        *QUERY, *DOCUMENTS, OWNERS, _core.PairLimits(row_tokens=64, **limits)
    )


def test_arrays_are_borrowed_for_the_call_only(random_bert):
    before = [sys.getrefcount(array) for array in (*QUERY, *DOCUMENTS, OWNERS)]
    first = score(random_bert)
    assert [sys.getrefcount(array) for array in (*QUERY, *DOCUMENTS, OWNERS)] == before
    logits = first[0].copy()
    first[0][:] = 99  # the result is the caller's own
    assert score(random_bert)[0].tolist() == logits.tolist()


def test_arrays_are_read_where_they_are(random_bert):
    ids = DOCUMENTS[0].copy()
    ids.flags.writeable = False  # nothing writes to it either
    before = random_bert._engine.run(
        *QUERY, ids, DOCUMENTS[1], OWNERS, _core.PairLimits(row_tokens=64)
    )[0]
    ids.flags.writeable = True
    ids[:3] = 12
    after = random_bert._engine.run(
        *QUERY, ids, DOCUMENTS[1], OWNERS, _core.PairLimits(row_tokens=64)
    )[0]
    assert (before != after).tolist() == [True, False, False]


def test_results(random_bert):
    logits, tokens, truncated = score(random_bert, doc_tokens=2)
    assert (logits.dtype, logits.shape) == (np.float32, (3,))
    assert tokens.tolist() == [7, 5, 7]  # [CLS] query [SEP] document [SEP]
    assert truncated.tolist() == [True, False, False]


def test_counters(random_bert):
    before = random_bert._engine.counters()
    score(random_bert)
    after = random_bert._engine.counters()
    grown = {name: after[name] - before[name] for name in after}
    assert grown.pop("run_ns") > 0
    assert grown.pop("wait_ns") > 0
    expected = {"requests": 1, "rows": 3, "batches": 3, "tokens": 20, "padded_tokens": 20}
    assert grown == dict.fromkeys(grown, 0) | expected


@pytest.mark.parametrize(
    ("limits", "kind", "message"),
    [
        ({"width": 3}, TypeError, "incompatible constructor arguments"),
        ({"truncate": "MIDDLE"}, ValueError, "truncate is END or NONE"),
    ],
)
def test_unknown_limits(random_bert, limits, kind, message):
    with pytest.raises(kind, match=message):
        score(random_bert, **limits)


def test_a_batch_run_directly(random_bert, model_directory):
    graph = _core.CrossEncoder(
        library=find_library(),
        model=model_directory / "model.onnx",
        provider="CPUExecutionProvider",
        provider_options=[],
    )
    assert graph.has_attention_mask
    ids = np.array([[2, 5, 6, 3, 7, 8, 9, 3]], np.int64)
    types = np.array([[0, 0, 0, 0, 1, 1, 1, 1]], np.int64)
    logits = graph.run(ids, np.ones_like(ids), types)
    assert logits.tolist() == score(random_bert)[0][:1].tolist()
    with pytest.raises(ValueError, match="three matrices of one shape"):
        graph.run(ids, np.ones((1, 3), np.int64), types)
