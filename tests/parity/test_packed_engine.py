"""A graph without padding under the engine: the same logits, whatever shares a batch."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rerank_core import Reranker, _graphs, _loading
from rerank_core.models.manifest import Manifest
from rerank_core.models.prepare.graphs import load_graph, save_graph
from rerank_core.models.prepare.packing import pack
from rerank_core.models.prepare.rewrites import apply_rewrites
from rerank_core.models.prepare.sampler import Sampler
from rerank_core.models.store import find
from rerank_core.tokenizer import Tokenizer
from tests import models, tolerances

DOCUMENTS = [*models.texts(60, seed=3, longest=120), "", "river " * 900, "silver river", "river"]


@pytest.fixture(scope="module")
def packed_directory(model_directory, tmp_path_factory):
    """Attention by operators that a CPU has."""
    directory = shutil.copytree(model_directory, tmp_path_factory.mktemp("packed") / "model")
    files = find(model_directory)
    graph = load_graph(files.graph)
    sampler = Sampler(Tokenizer.from_file(files.tokenizer), files.max_length)
    apply_rewrites(graph, sampler, device="cpu", without=["first-token", "attention"])
    assert len(pack(graph, sampler)) == 2
    save_graph(graph, directory / "model.onnx")
    Manifest(graph="model.onnx", precision="fp32").write(directory)
    return directory


@pytest.fixture
def packed(packed_directory, monkeypatch):
    """Rows share batches, as they do on a GPU."""

    def independent(*arguments):
        return replace(_graphs.load_graph(*arguments), depends_on_company=False)

    monkeypatch.setattr(_loading, "load_graph", independent)
    with Reranker(packed_directory, token_budget=700) as reranker:
        yield reranker


def test_logits_are_those_of_padded_rows(packed, random_bert):
    assert packed.info.packed
    assert not random_bert.info.packed
    ours = packed.score("silver river", DOCUMENTS, raw_scores=True)
    expected = random_bert.score("silver river", DOCUMENTS, raw_scores=True)
    np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_PYTORCH, rtol=0)
    stats = packed.stats()
    assert stats.batches < stats.rows / 2
    assert stats.padding_ratio == 1.0


def test_company_does_not_matter(packed):
    together = packed.score("silver river", DOCUMENTS, raw_scores=True)
    alone = [packed.score("silver river", [text], raw_scores=True)[0] for text in DOCUMENTS]
    np.testing.assert_allclose(together, alone, atol=tolerances.LOGIT_PYTORCH, rtol=0)


def test_many_callers_share_batches(packed):
    expected = packed.score("silver river", DOCUMENTS, raw_scores=True)

    def ask(number):
        mine = [f"{text} {number}" for text in DOCUMENTS]
        found = packed.score("silver river", [*mine, *DOCUMENTS], raw_scores=True)
        np.testing.assert_allclose(
            found[len(mine) :], expected, atol=tolerances.LOGIT_PYTORCH, rtol=0
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def test_company_that_shows_is_not_kept(packed_directory):
    """On a CPU a score's bits belong to its pair: where the batch shows, each row runs alone."""
    with Reranker(packed_directory) as reranker:
        together = reranker.score("silver river", DOCUMENTS, raw_scores=True)
        alone = [reranker.score("silver river", [text], raw_scores=True)[0] for text in DOCUMENTS]
    assert np.array_equal(together, alone)


def test_memory_is_bounded(packed_directory):
    with Reranker(packed_directory, memory_limit="64MB") as reranker:
        assert len(reranker.score("silver river", DOCUMENTS)) == len(DOCUMENTS)
