"""The same weights are held once per process, as long as somebody holds them."""

import gc
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from rerank_core import Reranker
from tests import graphs


@pytest.fixture
def directory(model_directory, tmp_path):
    return shutil.copytree(model_directory, tmp_path / "model")


def test_rerankers_of_one_model_share_it(directory, tmp_path):
    (tmp_path / "link").symlink_to(directory)
    with Reranker(directory, threads=2) as first, Reranker(tmp_path / "link", threads=2) as second:
        assert second._graph is first._graph
        expected = first.score("stone", ["river", "bread"]).tolist()
        first.close()  # which is no business of the other
        assert second.score("stone", ["river", "bread"]).tolist() == expected


def test_what_differs_is_not_shared(directory):
    with (
        Reranker(directory, threads=2) as first,
        Reranker(directory, threads=3) as more,
        Reranker(directory, threads=2, token_budget=64, max_length=100) as same,
    ):
        assert more._graph is not first._graph
        assert same._graph is first._graph


def test_files_that_changed_are_loaded_again(directory):
    with Reranker(directory) as before:
        shape = graphs.Shape(vocab=before.tokenizer.largest_id + 1, seed=1)
        graphs.save(graphs.bert(shape), directory / "model.onnx")
        with Reranker(directory) as after:
            assert after._graph is not before._graph
            assert after.score("stone", ["river"]) != before.score("stone", ["river"])


def test_the_last_one_takes_it_along(directory):
    reranker = Reranker(directory)
    graph = weakref.ref(reranker._graph)
    session = weakref.ref(reranker._graph.session)
    del reranker
    gc.collect()
    assert graph() is None
    assert session() is None


def test_it_is_loaded_once_by_many_threads(directory):
    start = threading.Barrier(6)

    def load(_):
        start.wait()
        return Reranker(directory, threads=1)

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(load, range(6)))
    assert len({id(reranker._graph) for reranker in made}) == 1
    for reranker in made:
        reranker.close()
