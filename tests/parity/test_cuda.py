"""CUDA beside the CPU, where there is one: the same scores within tolerance, nothing silent."""

import numpy as np
import onnxruntime
import pytest

from rerank_core import Reranker, RerankError
from tests import models, tolerances

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
        reason="needs a GPU and onnxruntime-gpu",
    ),
]
DOCUMENTS = [*models.texts(60, seed=3, longest=120), "", "river " * 900]


@pytest.fixture(scope="module")
def cuda(model_directory):
    with Reranker(model_directory, device="cuda") as reranker:
        yield reranker


def test_scores_are_those_of_the_cpu(cuda, random_bert):
    ours = cuda.score("silver river", DOCUMENTS, raw_scores=True)
    expected = random_bert.score("silver river", DOCUMENTS, raw_scores=True)
    np.testing.assert_allclose(ours, expected, atol=tolerances.LOGIT_CUDA, rtol=0)


def test_company_does_not_matter(cuda):
    together = cuda.score("silver river", DOCUMENTS, raw_scores=True)
    alone = [cuda.score("silver river", [text], raw_scores=True)[0] for text in DOCUMENTS]
    np.testing.assert_allclose(together, alone, atol=tolerances.LOGIT_CUDA, rtol=0)


def test_info_names_the_provider(cuda):
    assert cuda.info.provider == "CUDAExecutionProvider"
    assert cuda.info.token_budget == 16384


def test_a_device_that_is_not_there(model_directory):
    with pytest.raises(RerankError):
        Reranker(model_directory, device="cuda:99")
