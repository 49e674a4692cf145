"""Graphs without padding: each row scores as it does alone, in a padded batch."""

from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from rerank_core.errors import ModelError
from rerank_core.models.prepare.graphs import load_graph
from rerank_core.models.prepare.half import halve
from rerank_core.models.prepare.packing import NotPackable, PackedSampler, fuse, pack
from rerank_core.models.prepare.packing.rows import pack_feeds
from rerank_core.models.prepare.rewrites import apply_rewrites
from rerank_core.models.prepare.sampler import IDS, TYPES
from rerank_core.models.prepare.trials import run
from tests import graphs, tolerances
from tests.trials import sampler

SHAPES = {
    "bert": graphs.Shape(vocab=400, positions=64),
    "no types": graphs.Shape(vocab=400, positions=64, inputs=("input_ids", "attention_mask")),
    "no mask": graphs.Shape(vocab=400, positions=64, inputs=("input_ids",)),
    "two labels": graphs.Shape(vocab=400, positions=64, labels=2, layers=1),
    "four heads, three layers": graphs.Shape(vocab=400, positions=64, heads=4, layers=3),
    "positions of words": graphs.Shape(vocab=400, positions=65, counts_words=True),
}
WIDTHS = (5, 40, 7, 64, 12, 40)


class PackedMultiHeadAttention(OpRun):
    """What ONNX Runtime's operator of that name computes, in NumPy: row by row."""

    op_domain = "com.microsoft"

    def _run(self, query, key, value, bias, offsets, starts, num_heads=None, scale=None):  # noqa: ARG002
        def heads(x):
            return x.astype(np.float32).reshape(len(x), num_heads, -1).swapaxes(0, 1)

        rows, width = offsets.shape
        lengths = np.diff(starts)
        is_token = np.arange(width) < lengths[:, None]
        wanted = np.concatenate([np.flatnonzero(is_token), np.flatnonzero(~is_token)])
        assert len(starts) == rows + 1
        assert np.array_equal(offsets.ravel(), wanted)
        context = np.empty((len(query), value.shape[1]), np.float32)
        for begin, end in pairwise(starts):
            q, k, v = (heads(x[begin:end]) for x in (query, key, value))
            scores = q @ k.swapaxes(1, 2) * scale
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            context[begin:end] = (weights @ v).swapaxes(0, 1).reshape(end - begin, -1)
        return (context.astype(query.dtype),)


class GatherElements(OpRun):
    """ONNX's own reference takes at most 64 elements."""

    def _run(self, data, indices, axis=None):
        return (np.take_along_axis(data, indices, axis),)


def rewritten(path):
    model = load_graph(path)
    apply_rewrites(model, sampler(), device="cpu", without=["first-token", "attention"])
    return model


def rows(widths=WIDTHS):
    return [sampler().row(width, number / len(widths)) for number, width in enumerate(widths)]


def alone(path, given):
    model = load_graph(path)
    names = sorted(str(value.name) for value in model.graph.inputs)
    ones = [{**row, "attention_mask": np.ones_like(row[IDS])} for row in given]
    feeds = [{name: row[name] for name in names} for row in ones]
    return np.concatenate([found["logits"] for found in run(model, feeds, ["logits"])])


def asked(model, given):
    names = {str(value.name) for value in model.graph.inputs} & {IDS, TYPES}
    return pack_feeds([{name: row[name] for name in names} for row in given], model)


def evaluated(model, feeds):
    operators = [GatherElements, PackedMultiHeadAttention]
    reference: Any = ReferenceEvaluator(ir.to_proto(model), new_ops=operators)
    return reference.run(["logits"], feeds)[0]


@pytest.fixture(params=SHAPES)
def source(request, tmp_path):
    return graphs.save(graphs.bert(SHAPES[request.param]), tmp_path / "source.onnx")


def test_packed_rows_score_as_alone(source):
    model = rewritten(source)
    attentions = pack(model, sampler())
    assert attentions
    for widths in (WIDTHS, WIDTHS[::-1], (9,), (64,) * 3):
        given = rows(widths)
        found = run(model, [asked(model, given)], ["logits"])[0]["logits"]
        np.testing.assert_allclose(found, alone(source, given), atol=tolerances.LOGIT_PYTORCH)


def test_the_operator_of_a_gpu_stands_for_attention(source):
    model = rewritten(source)
    attentions = pack(model, sampler())
    fuse(model, attentions)
    operators = [node.op_type for node in model.graph]
    assert operators.count("PackedMultiHeadAttention") == len(attentions)
    assert "Softmax" not in operators
    given = rows()
    np.testing.assert_allclose(
        evaluated(model, asked(model, given)),
        alone(source, given),
        atol=tolerances.LOGIT_PYTORCH,
    )


def test_nothing_of_it_has_to_run_on_the_cpu(source):
    """ONNX Runtime puts there what takes a Shape, which gives memory of the CPU."""
    model = rewritten(source)
    fuse(model, pack(model, sampler()))
    assert not {"Shape", "Size", "NonZero", "Range"} & {node.op_type for node in model.graph}


def test_half_precision(source):
    model = rewritten(source)
    attentions = pack(model, sampler())
    halve(model, PackedSampler(sampler()))
    fuse(model, attentions)
    proto = ir.to_proto(model)
    halves = [each for each in proto.graph.initializer if each.data_type == TensorProto.FLOAT16]
    assert len(halves) >= 6
    given = rows()
    expected = alone(source, given)
    found = evaluated(model, asked(model, given))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.02 * max(expected.std(), 1.0))


def test_the_last_layer_is_computed_for_first_tokens(tmp_path):
    path = graphs.save(graphs.bert(SHAPES["bert"]), tmp_path / "source.onnx")
    model = rewritten(path)
    pack(model, sampler())
    feeds = asked(model, rows())
    products = [node for node in model.graph if node.op_type == "MatMul"]
    names = [str(node.outputs[0].name) for node in products]
    found = run(model, [feeds], names)[0]
    counts = [each.shape[1] for each in found.values() if each.ndim == 3]
    assert counts.count(len(WIDTHS)) == 3, "attention's output and the feed-forward part"
    assert counts.count(sum(WIDTHS)) == 2 * 6 - 3


def test_what_is_not_understood_is_left_alone(tmp_path):
    mixing = graphs.save(graphs.mixing(), tmp_path / "mixing.onnx")
    with pytest.raises(NotPackable, match="attention"):
        pack(load_graph(mixing), sampler())
    path = graphs.save(graphs.bert(SHAPES["bert"]), tmp_path / "bert.onnx")
    with pytest.raises(NotPackable, match="mask"):
        pack(load_graph(path), sampler())
    first_only = load_graph(path)
    apply_rewrites(first_only, sampler(), device="cpu", without=["attention"])
    with pytest.raises((NotPackable, ModelError)):
        pack(first_only, sampler())


def test_a_change_of_scores_is_seen(tmp_path, monkeypatch):
    """Positions that run on over the rows of a batch are another model."""
    path = graphs.save(graphs.bert(SHAPES["bert"]), tmp_path / "bert.onnx")
    monkeypatch.setattr("rerank_core.models.prepare.packing.number_tokens", lambda *_: None)
    with pytest.raises((NotPackable, ModelError), match=r"changed a logit|does not run"):
        pack(rewritten(path), sampler())


def test_a_text_that_names_padding_is_counted_as_before(tmp_path):
    """RoBERTa's positions skip the padding id, wherever it stands."""
    path = graphs.save(graphs.bert(SHAPES["positions of words"]), tmp_path / "bert.onnx")
    model = rewritten(path)
    pack(model, sampler())
    given = rows()
    for row in given[:4]:
        row[IDS][0, 3] = 0
        row[IDS][0, -1] = 0
    found = run(model, [asked(model, given)], ["logits"])[0]["logits"]
    np.testing.assert_allclose(found, alone(path, given), atol=tolerances.LOGIT_PYTORCH)


def test_an_old_opset_is_not_packed(tmp_path):
    proto = graphs.bert(SHAPES["bert"])
    path = graphs.save(proto, tmp_path / "bert.onnx")
    model = rewritten(path)
    model.graph.opset_imports[""] = 12
    with pytest.raises(NotPackable, match="opset"):
        pack(model, sampler())


def test_helper_shapes_are_those_of_the_operator():
    """The reference above is only as good as its contract: a wrong offset must not pass."""
    query = np.ones((3, 4), np.float32)
    node = helper.make_node(
        "PackedMultiHeadAttention",
        ["q", "q", "q", "", "o", "s"],
        ["c"],
        domain="com.microsoft",
        num_heads=2,
        scale=1.0,
    )
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "one",
        [
            value("q", TensorProto.FLOAT, ["t", 4]),
            value("o", TensorProto.INT32, ["r", "w"]),
            value("s", TensorProto.INT32, ["n"]),
        ],
        [value("c", TensorProto.FLOAT, ["t", 4])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    proto: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    reference: Any = ReferenceEvaluator(proto, new_ops=[PackedMultiHeadAttention])
    good = {
        "q": query,
        "o": np.array([[0, 1], [2, 3]], np.int32),
        "s": np.array([0, 2, 3], np.int32),
    }
    assert reference.run(None, good)[0].shape == (3, 4)
    with pytest.raises(AssertionError):
        reference.run(None, {**good, "o": np.array([[0, 2], [1, 3]], np.int32)})
