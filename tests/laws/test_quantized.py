"""Promise 1 for int8: a dynamic scale is that of a whole batch, so every pair runs alone."""

import shutil

import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

from rerank_core import Reranker
from rerank_core.models.store import find
from tests import models

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
        reranker.score("silver river", ["stone"] * 50)
        counters = reranker._engine.counters()
        assert counters["rows"] > 5 * counters["batches"]
        assert counters["padded_tokens"] == counters["tokens"]


def test_kernels_that_depend_on_their_place_are_noticed(tmp_path):
    """The bundled graph has some; without its manifest the first look must find them."""
    copy = shutil.copytree(find("bundled").directory, tmp_path / "copy")
    (copy / "rerank_core.json").unlink()
    with Reranker(copy) as reranker:
        assert reranker.info.max_batch_rows == 1
