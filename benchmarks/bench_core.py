"""Micro benchmarks of the native core beside its NumPy twin: equal first, then timed.

Run with `make bench`, or `make bench-compare` against another commit; both rows of a group are the same
work, native and in Python.
"""

import numpy as np
import pytest

from rerank_core import _core, _reference

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, 10_000).astype(np.float32)
LENGTHS = np.clip(RNG.lognormal(4.4, 0.4, 1000), 8, 512).astype(np.int64)
PIECES = [
    ("special", 2, 0),
    ("query", 0, 0),
    ("special", 3, 0),
    ("document", 0, 1),
    ("special", 3, 1),
]
PLAN = {
    "max_batch_tokens": 512,
    "max_batch_rows": 1 << 40,
    "width_multiple": 1,
    "max_width": 512,
    "workers": 2,
}


@pytest.mark.parametrize("kind", ["native", "python"])
def test_rank(benchmark, kind):
    benchmark.group = "rank: top 10 of 10,000"
    native = _core.rank(LOGITS, 10)
    values = LOGITS.tolist()
    assert native.tolist() == _reference.rank(values, 10)
    if kind == "native":
        benchmark(_core.rank, LOGITS, 10)
    else:
        benchmark(_reference.rank, values, 10)


@pytest.mark.parametrize("kind", ["native", "python"])
def test_sigmoid(benchmark, kind):
    benchmark.group = "sigmoid: 10,000 logits"
    np.testing.assert_allclose(_core.sigmoid(LOGITS), _reference.sigmoid(LOGITS), rtol=1e-14)
    benchmark(_core.sigmoid if kind == "native" else _reference.sigmoid, LOGITS)


@pytest.mark.parametrize("kind", ["native", "python"])
def test_plan(benchmark, kind):
    benchmark.group = "plan: 1,000 rows"
    lengths = LENGTHS.tolist()
    assert _core.plan_batches(LENGTHS, **PLAN) == _reference.plan_batches(lengths, **PLAN)
    if kind == "native":
        benchmark(_core.plan_batches, LENGTHS, **PLAN)
    else:
        benchmark(_reference.plan_batches, lengths, **PLAN)


@pytest.mark.parametrize("kind", ["native", "python"])
@pytest.mark.parametrize(
    ("work", "limits"),
    [
        ("pack: 1,000 rows as one batch", {"row_tokens": 512}),
        ("pair: 1,000 documents in windows of 32", {"row_tokens": 38, "max_chunks": 16}),
    ],
    ids=["pack", "pair"],
)
def test_rows(benchmark, work, limits, kind):
    benchmark.group = work
    rng = np.random.default_rng(1)
    query = [7, 8, 9]
    documents = [rng.integers(5, 1000, size).tolist() for size in LENGTHS]
    layout = _core.PairTemplate(PIECES)
    flat = np.array([token for document in documents for token in document], np.int32)
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
    owners = np.zeros(len(documents), np.int64)
    query_ids, query_offsets = np.array(query, np.int32), np.array([0, 3], np.int64)

    def native():
        return _core.pack_pairs(
            layout, query_ids, query_offsets, flat, offsets, owners, _core.PairLimits(**limits)
        )

    def python():
        rows = _reference.pair_rows(PIECES, [query], documents, owners.tolist(), **limits).rows
        return _reference.pack(rows)

    assert native()["input_ids"].tolist() == python()["input_ids"].tolist()
    benchmark(native if kind == "native" else python)
