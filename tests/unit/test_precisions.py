"""int8 and fp16 graphs: what is converted, what is not, and how near the logits stay."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from rerank_core.errors import ModelError
from rerank_core.models.prepare.graphs import load_graph, save_graph
from rerank_core.models.prepare.half import halve
from rerank_core.models.prepare.quantize import quantize
from rerank_core.models.prepare.trials import optimize, run
from tests import graphs
from tests.trials import sampler

SHAPE = graphs.Shape(hidden=64, vocab=400, positions=64)


@pytest.fixture
def source(tmp_path):
    return graphs.save(graphs.bert(SHAPE), tmp_path / "source.onnx")


def weights(path):
    return {each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer}


def logits(path, rows=4, width=20):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, sampler()(load_graph(path), rows, width))[0].ravel()


def quantized(source, *, reduce_range=False):
    path = source.with_name("int8.onnx")
    save_graph(load_graph(source), source)  # with names, as it is prepared
    quantize(source, path, reduce_range=reduce_range)
    return path


def test_products_with_weights_are_in_int8_by_the_column(source):
    path = quantized(source)
    model = onnx.load(path)
    products = [node.op_type for node in model.graph.node if node.op_type.startswith("MatMul")]
    assert products.count("MatMulInteger") == 2 * 6
    assert products.count("MatMul") == 2 * 2 + 2, "what multiplies activations, and the head"
    scales = [v for name, v in weights(path).items() if name.endswith("_scale")]
    assert {v.shape for v in scales} == {(64,), (256,)}
    # Random weights tell pairs hardly apart: what they share is the measure here.
    assert 0 < np.abs(logits(path) - logits(source)).max() < 0.05 * np.abs(logits(source)).max()


def test_a_model_too_small_for_int8_is_refused(tmp_path):
    small = graphs.save(graphs.bert(graphs.Shape(hidden=32, vocab=400)), tmp_path / "source.onnx")
    with pytest.raises(ModelError, match=r"nothing to quantize: .* 64 x 64 or more"):
        quantized(small)


def test_the_head_stays_in_fp32(source):
    head = [
        value for value in weights(quantized(source)).values() if value.shape in {(64, 1), (1, 64)}
    ]
    assert [value.dtype for value in head if value.dtype != np.int64] == [np.float32]


def test_without_vnni_weights_have_seven_bits(source):
    def largest(path):
        return max(
            np.abs(v.astype(int)).max() for v in weights(path).values() if v.dtype == np.int8
        )

    assert largest(quantized(source)) == 127
    assert largest(quantized(source, reduce_range=True)) <= 64


def test_an_optimized_graph_gives_the_same_bits(source, tmp_path):
    quantize_to = quantized(source)
    optimize(quantize_to, tmp_path / "optimized.onnx")
    operators = {node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node}
    assert "DynamicQuantizeMatMul" in operators
    assert "SkipLayerNormalization" not in operators
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        tmp_path / "optimized.onnx", options, providers=["CPUExecutionProvider"]
    )
    rows = sampler()(load_graph(source), 1, 30)
    full = ort.SessionOptions()
    full.add_session_config_entry(
        "optimization.disable_specified_optimizers", "SkipLayerNormFusion"
    )
    plain = ort.InferenceSession(quantize_to, full, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, rows)[0], plain.run(None, rows)[0])


def halved(source):
    graph = load_graph(source)
    halve(graph, sampler())
    save_graph(graph, source.with_name("fp16.onnx"))
    return source.with_name("fp16.onnx")


def test_weights_and_products_are_in_half_precision(source):
    path = halved(source)
    assert path.stat().st_size < 0.6 * source.stat().st_size
    assert onnx.load(path).graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT
    assert np.abs(logits(path) - logits(source)).max() < 0.01 * logits(source).std()


def test_what_is_delicate_stays_in_fp32(source):
    graph = load_graph(halved(source))
    asked = {
        str(value.name): node.op_type
        for node in graph.graph
        if node.op_type in {"Softmax", "LayerNormalization", "MatMul", "Gemm", "Tanh"}
        for value in (node.outputs[0],)
    }
    (found,) = run(graph, [sampler()(graph, 2, 9)], list(asked))
    kinds: dict[str, set[str]] = {}
    for name, operator in asked.items():
        kinds.setdefault(operator, set()).add(found[name].dtype.name)
    assert kinds == {
        "Softmax": {"float32"},
        "LayerNormalization": {"float32"},
        "MatMul": {"float16"},
        "Gemm": {"float32"},
        "Tanh": {"float32"},
    }


def test_padded_rows_keep_their_scores_in_fp16(source):
    graph = load_graph(halved(source))
    rows = sampler()(graph, 2, 20, is_padded=True)
    (padded,) = run(graph, [rows], ["logits"])
    (alone,) = run(graph, [{name: value[1:, :10] for name, value in rows.items()}], ["logits"])
    np.testing.assert_allclose(padded["logits"][1:], alone["logits"], atol=1e-3)


def test_what_follows_from_a_size_stays_in_fp32(tmp_path):
    """The width of the hidden states, as a number: MPNet and DeBERTa look up places by its logarithm."""
    proto = graphs.bert(SHAPE)
    proto.graph.node[-1].output[:] = ["inner"]
    proto.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "second"))
    hidden = next(n.output[0] for n in proto.graph.node if n.op_type == "LayerNormalization")
    proto.graph.node.extend(
        [
            helper.make_node("Shape", [hidden], ["shape"]),
            helper.make_node("Gather", ["shape", "second"], ["width"]),
            helper.make_node("Cast", ["width"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Log", ["number"], ["log"]),
            helper.make_node("Sub", ["inner", "log"], ["logits"]),
        ]
    )
    graph = load_graph(halved(graphs.save(proto, tmp_path / "source.onnx")))
    (found,) = run(graph, [sampler()(graph, 2, 9)], ["log"])
    assert found["log"].dtype == np.float32


def test_a_weight_beyond_fp16_is_named(source):
    graph = load_graph(source)
    weight = next(v for v in graph.graph.initializers.values() if v.shape == (64, 256))
    weight.const_value = ir.tensor(np.full((64, 256), 1e5, np.float32), name=weight.name)
    with pytest.raises(
        ModelError, match=rf"the weight {weight.name} holds 1e\+05, which fp16 cannot"
    ):
        halve(graph, sampler())
