"""CUDA beside the CPU, where there is one: the same scores within tolerance, nothing silent."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from rerank_core import Reranker, RerankError
from rerank_core.models.manifest import PACKED, Manifest
from rerank_core.models.prepare import prepare
from tests import graphs, models, tolerances

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
        reason="needs a GPU and onnxruntime-gpu",
    ),
]
DOCUMENTS = [*models.texts(60, seed=3, longest=120), "", "river " * 900]
# One token to the longest row, and all around the sizes of a GPU's blocks.
CAPTURED_TOKENS = 2048
LENGTHS = [
    0,
    1,
    2,
    *(size + more for size in (8, 16, 32, 64, 128, 256) for more in (-1, 0, 1)),
    600,
]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A BERT of a size whose heads a GPU's kernels take: 32 each."""
    shape = graphs.Shape(layers=3, hidden=128, heads=4, vocab=400)
    return models.write(tmp_path_factory.mktemp("source"), graph=graphs.bert(shape))


@pytest.fixture(scope="module", params=["fp32", "fp16"])
def prepared(request, source, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / request.param
    return prepare(source, out, precision=request.param, device="cuda").directory


@pytest.fixture(scope="module", params=["packed", "padded"])
def cuda(request, prepared):
    """Both layouts, whichever was found to be faster."""
    kept = Manifest.read(prepared)
    wanted = PACKED if request.param == "packed" else None
    replace(kept, packed=wanted, captured_tokens=None).write(prepared)
    with Reranker(prepared, device="cuda") as reranker:
        assert reranker.info.packed == (request.param == "packed")
        yield reranker


@pytest.fixture(scope="module")
def cpu(source):
    with Reranker(source) as reranker:
        yield reranker


def tolerance(reranker, expected):
    share = 0.02 * float(np.std(expected)) if reranker.info.precision == "fp16" else 0.0
    return max(tolerances.LOGIT_CUDA, share)


def test_scores_are_those_of_the_cpu(cuda, cpu):
    expected = cpu.score("silver river", DOCUMENTS, raw_scores=True)
    ours = cuda.score("silver river", DOCUMENTS, raw_scores=True)
    np.testing.assert_allclose(ours, expected, atol=tolerance(cuda, expected), rtol=0)
    probabilities = cpu.score("silver river", DOCUMENTS, raw_scores=False)
    np.testing.assert_allclose(
        cuda.score("silver river", DOCUMENTS, raw_scores=False), probabilities, atol=2e-3, rtol=0
    )


def test_order_is_that_of_the_cpu_where_logits_differ(cuda, cpu):
    expected = cpu.score("silver river", DOCUMENTS, raw_scores=True)
    ours = cuda.score("silver river", DOCUMENTS, raw_scores=True)
    above = expected[:, None] - expected[None, :] > max(0.01, 2 * tolerance(cuda, expected))
    assert (ours[:, None] > ours[None, :])[above].all()


def test_no_length_gives_nan(cuda, cpu):
    documents = ["a " * length for length in LENGTHS]
    ours = cuda.score("river", documents, raw_scores=True)
    assert np.isfinite(ours).all()
    expected = cpu.score("river", documents, raw_scores=True)
    np.testing.assert_allclose(ours, expected, atol=tolerance(cuda, expected), rtol=0)


def test_company_does_not_matter(cuda):
    together = cuda.score("silver river", DOCUMENTS, raw_scores=True)
    alone = [cuda.score("silver river", [text], raw_scores=True)[0] for text in DOCUMENTS]
    np.testing.assert_allclose(together, alone, atol=tolerance(cuda, together), rtol=0)


def test_many_threads(cuda):
    expected = cuda.score("silver river", DOCUMENTS, raw_scores=True)

    def ask(number):
        return cuda.score("silver river", [*DOCUMENTS, f"river {number}"], raw_scores=True)[:-1]

    with ThreadPoolExecutor(64) as pool:
        for found in pool.map(ask, range(256)):
            np.testing.assert_allclose(found, expected, atol=tolerance(cuda, expected), rtol=0)


@pytest.fixture
def captured(prepared):
    """With recordings of small batches, whether they were found to be faster or not."""
    kept = Manifest.read(prepared)
    replace(kept, captured_tokens=CAPTURED_TOKENS).write(prepared)
    try:
        with Reranker(prepared, device="cuda") as reranker:
            yield reranker
    finally:
        kept.write(prepared)


def test_small_batches_are_replayed(captured, cpu):
    assert captured.info.captured_tokens == CAPTURED_TOKENS, "the log says why nothing was recorded"
    for count in (1, 2, 3, 5, 10, len(DOCUMENTS)):
        documents = DOCUMENTS[-count:]
        expected = cpu.score("silver river", documents, raw_scores=True)
        for _ in range(2):
            ours = captured.score("silver river", documents, raw_scores=True)
            np.testing.assert_allclose(ours, expected, atol=tolerance(captured, expected), rtol=0)


def test_recordings_are_made_while_others_run(captured, prepared):
    """CUDA lets nobody allocate while it records: who runs meanwhile must wait, not fail."""
    expected = captured.score("silver river", DOCUMENTS, raw_scores=True)

    def ask(number):
        return captured.score("silver river", [*DOCUMENTS, f"a {number}"], raw_scores=True)[:-1]

    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(ask, number) for number in range(64)]
        with Reranker(prepared, device="cuda", provider_options={"device_id": "0"}) as another:
            assert another.info.captured_tokens == CAPTURED_TOKENS
        for each in found:
            np.testing.assert_allclose(
                each.result(), expected, atol=tolerance(captured, expected), rtol=0
            )


def test_all_of_a_packed_graph_runs_on_the_gpu(cuda, caplog):
    if cuda.info.packed:
        assert "run on the CPU" not in caplog.text
        assert cuda.stats().padding_ratio == 1.0


def test_a_plain_export_runs_and_says_what_it_costs(source, cpu, caplog):
    with Reranker(source, device="cuda", cache_rows=None) as reranker:
        ours = reranker.score("silver river", DOCUMENTS, raw_scores=True)
    assert "run on the CPU" in caplog.text
    expected = cpu.score("silver river", DOCUMENTS, raw_scores=True)
    np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_CUDA, rtol=0)


def test_info_names_the_provider(cuda):
    assert cuda.info.provider == "CUDAExecutionProvider"
    assert cuda.info.token_budget >= 4096


def test_memory_has_a_limit(prepared):
    with pytest.raises(RerankError):  # less than the weights take
        Reranker(prepared, device="cuda", memory_limit="1KB")
    with Reranker(prepared, device="cuda", memory_limit="2GB") as reranker:
        assert np.isfinite(reranker.score("river", DOCUMENTS)).all()


def test_a_device_that_is_not_there(prepared):
    with pytest.raises(RerankError):
        Reranker(prepared, device="cuda:99")
