"""Small batches by shape, as a GPU records and replays them: the same logits, rows padded or packed."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from rerank_core import Reranker
from rerank_core.models.manifest import Manifest
from rerank_core.models.prepare import prepare
from tests import graphs, models, tolerances

DOCUMENTS = [*models.texts(60, seed=3, longest=120), "", "river " * 900, "silver river", "river"]
TOKENS = 512


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    shape = graphs.Shape(layers=2, hidden=32, heads=2, vocab=400)
    return models.write(tmp_path_factory.mktemp("source"), graph=graphs.bert(shape))


@pytest.fixture(scope="module")
def directory(source, tmp_path_factory):
    """As calibration leaves it where recordings are faster, for a device that records nothing."""
    copy = shutil.copytree(source, tmp_path_factory.mktemp("captured") / "model")
    Manifest(device="cpu", captured_tokens=TOKENS).write(copy)
    return copy


@pytest.fixture(scope="module")
def captured(directory):
    with Reranker(directory, token_budget=TOKENS) as reranker:
        assert reranker.info.captured_tokens == TOKENS
        yield reranker


@pytest.fixture(scope="module")
def plain(source):
    with Reranker(source) as reranker:
        assert reranker.info.captured_tokens == 0
        yield reranker


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, len(DOCUMENTS)])
def test_logits_are_those_of_batches_as_they_come(captured, plain, count):
    documents = DOCUMENTS[-count:]
    ours = captured.score("silver river", documents, raw_scores=True)
    expected = plain.score("silver river", documents, raw_scores=True)
    np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_PYTORCH, rtol=0)


def test_many_callers_share_recordings(captured, plain):
    def ask(number):
        documents = [f"{text} {number}" for text in DOCUMENTS[number : number + 5]]
        ours = captured.score("silver river", documents, raw_scores=True)
        expected = plain.score("silver river", documents, raw_scores=True)
        np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_PYTORCH, rtol=0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(40)))


def test_a_limit_of_memory_leaves_no_room_for_recordings(directory):
    with Reranker(directory, memory_limit="64MB") as reranker:
        assert reranker.info.captured_tokens == 0


def test_other_devices_record_nothing(directory):
    kept = Manifest.read(directory)
    replace(kept, device="cuda").write(directory)
    try:
        with Reranker(directory) as reranker:
            assert reranker.info.captured_tokens == 0
    finally:
        kept.write(directory)


def test_what_cannot_be_recorded_runs_as_ever(source, tmp_path, caplog):
    """Without a mask rows cannot be padded to a shape."""
    made = prepare(source, tmp_path / "made").directory
    kept = Manifest.read(made)
    with Reranker(made) as reranker:
        expected = reranker.score("silver river", DOCUMENTS)
    replace(kept, captured_tokens=TOKENS).write(made)
    with Reranker(made) as reranker:
        assert reranker.info.captured_tokens == 0
        assert np.array_equal(reranker.score("silver river", DOCUMENTS), expected)
    assert "are not recorded" in caplog.text
