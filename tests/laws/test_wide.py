"""Promise 1 again: a pair that is alone, and has all threads, gets the same bits."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rerank_core import Reranker, _core, _graphs
from rerank_core._onnxruntime import find_library
from rerank_core.models.store import find
from tests import graphs, models

LENGTHS = [4, 5, 13, 64, 127, 128, 200, 333, 512]


def session(graph):
    return _core.CrossEncoder(
        library=find_library(),
        model=graph,
        provider="CPUExecutionProvider",
        provider_options=[],
        shares_weights=True,
    )


@pytest.fixture(scope="module", params=["fp32", "int8", "external data", "bundled"])
def graph(request, model_directory, tmp_path_factory):
    """A graph of each kind that shares its weights in a way of its own."""
    if request.param == "bundled":
        return find("bundled").graph
    plain = model_directory / "model.onnx"
    path = tmp_path_factory.mktemp("wide") / "model.onnx"
    if request.param == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(plain, path, weight_type=QuantType.QInt8, per_channel=True)
        return path
    if request.param == "external data":
        return graphs.save_apart(plain, path)
    return plain


@pytest.fixture(scope="module")
def narrow(graph):
    return session(graph)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_bits_are_those_of_one_thread(graph, narrow, threads):
    made = session(graph)
    assert made.widen(threads)
    rng = np.random.default_rng(threads)
    for length in LENGTHS:
        ids = rng.integers(4, 190, (1, length))
        rows = (ids, np.ones_like(ids), (np.arange(length) > length // 2).astype(np.int64)[None])
        expected = narrow.run(*rows).tolist()
        assert made.run(*rows, wide=True).tolist() == expected, length
        assert made.run(*rows).tolist() == expected, length


def test_bits_are_those_of_any_session(graph, narrow):
    """A small model has one for each thread."""
    made = session(graph)
    made.spread(3)
    rng = np.random.default_rng(0)
    ids = rng.integers(4, 190, (1, 133))
    rows = (ids, np.ones_like(ids), np.zeros_like(ids))
    expected = narrow.run(*rows).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: made.run(*rows).tolist(), range(200)))
    assert found == [expected] * 200


def test_a_session_is_narrow_again(narrow):
    assert narrow.widen(2)
    assert not narrow.widen(1)
    row = np.ones((1, 4), np.int64)
    with pytest.raises(ValueError, match="no wide session"):
        narrow.run(row, row, row, wide=True)


@pytest.mark.parametrize("threads", [2, 4])
def test_a_reranker_that_is_wide_gives_the_same_bits(model_directory, monkeypatch, threads):
    """Whatever its model: no load of so small a one would make it wide."""
    monkeypatch.setattr(_graphs, "_WORTH", 0)
    documents = [*models.texts(5, seed=3, longest=300), "river " * 500, "stone"]
    with (
        Reranker(model_directory, threads=1) as one,
        Reranker(model_directory, threads=threads) as wide,
    ):
        alone = [one.score("stone", [document]).tolist() for document in documents]
        assert [wide.score("stone", [document]).tolist() for document in documents] == alone
        assert [[score] for score in wide.score("stone", documents).tolist()] == alone
