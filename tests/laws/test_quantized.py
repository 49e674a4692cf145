"""Promise 1 for int8: a dynamic scale is that of a whole batch, so every pair runs alone."""

import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

from rerank_core import Reranker
from tests import graphs, models

DOCUMENTS = models.texts(24, seed=8, longest=30)


@pytest.fixture(scope="module")
def int8_directory(tmp_path_factory):
    directory = models.write(tmp_path_factory.mktemp("models") / "int8")
    quantize_dynamic(
        directory / "model.onnx",
        directory / "model_quantized.onnx",
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
    )
    return directory


def test_the_company_is_noticed_and_kept_away(int8_directory):
    with Reranker(int8_directory, precision="int8", threads=2) as reranker:
        assert reranker.info.precision == "int8"
        assert reranker.info.max_batch_rows == 1
        together = reranker.score("silver river", DOCUMENTS * 2, raw_scores=True)
        alone = [reranker.score("silver river", [text], raw_scores=True)[0] for text in DOCUMENTS]
        assert together.tolist() == alone * 2


def test_plain_fp32_keeps_its_batches(int8_directory):
    with Reranker(int8_directory, threads=1) as reranker:
        assert reranker.info.precision == "fp32"
        assert reranker.info.max_batch_rows is None
        reranker.score(
            "silver river",
            [f"{word} {other}" for word in models.WORDS[:8] for other in models.WORDS[:8]],
        )
        counters = reranker._engine.counters()
        assert counters["rows"] > 5 * counters["batches"]
        assert counters["padded_tokens"] == counters["tokens"]


def test_scores_that_depend_on_their_company_are_noticed(tmp_path):
    """No manifest says so here: the first look has to find it."""
    directory = models.write(tmp_path / "mixing", graph=graphs.mixing())
    with Reranker(directory) as reranker:
        assert reranker.info.max_batch_rows == 1
