"""Rewrites on small graphs: what they change, and that no score is among it."""

from dataclasses import replace
from functools import cache
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from rerank_core import Tokenizer
from rerank_core.errors import InvalidArgumentError, ModelError
from rerank_core.models.prepare import rewrites
from rerank_core.models.prepare.graphs import check_inputs, load_graph, save_graph
from rerank_core.models.prepare.rewrites import REWRITES, apply_rewrites
from rerank_core.models.prepare.sampler import Sampler
from rerank_core.models.prepare.trials import optimize, run
from tests import graphs, models

SHAPES = {
    "bert": graphs.Shape(vocab=400, positions=64),
    "no types": graphs.Shape(vocab=400, positions=64, inputs=("input_ids", "attention_mask")),
    "no mask": graphs.Shape(vocab=400, positions=64, inputs=("input_ids",)),
    "two labels": graphs.Shape(vocab=400, positions=64, labels=2, layers=1),
    "one layer, fp16 logits": graphs.Shape(vocab=400, positions=64, layers=1, half_output=True),
}
NAMES = [rewrite.name for rewrite in REWRITES]


@cache
def tokenizer():
    with TemporaryDirectory() as directory:
        path = f"{directory}/tokenizer.json"
        models.wordpiece().save(path)
        return Tokenizer.from_file(path)


def load(tmp_path, proto):
    graph = load_graph(graphs.save(proto, tmp_path / "model.onnx"))
    return graph, Sampler(tokenizer(), 64)


def logits(graph, feeds, tmp_path):
    """Run as a user would: with all of ONNX Runtime's optimizations."""
    save_graph(graph, tmp_path / "run.onnx")
    session = ort.InferenceSession(tmp_path / "run.onnx", providers=["CPUExecutionProvider"])
    names = {given.name for given in session.get_inputs()}
    return session.run(None, {name: value for name, value in feeds.items() if name in names})[0]


def feeds(rows, width, *, padding=0):
    rng = np.random.default_rng(width)
    mask = np.ones((rows, width), np.int64)
    if padding:
        mask[-1, -padding:] = 0
    return {
        "input_ids": rng.integers(0, 400, (rows, width)),
        "attention_mask": mask,
        "token_type_ids": np.tile(np.arange(width) > width // 3, (rows, 1)).astype(np.int64),
    }


def operators(graph):
    return [node.op_type for node in graph.graph]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_rewritten_graphs_give_the_same_logits(shape, device, tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(shape))
    rows = [feeds(1, 1), feeds(3, 7), feeds(2, 64)]
    if device == "cuda":
        rows.append(feeds(3, 20, padding=9))
    before = [logits(graph, row, tmp_path) for row in rows]
    assert {each.name for each in apply_rewrites(graph, sampler, device=device)} == {
        rewrite.name for rewrite in REWRITES if device in rewrite.devices
    }
    for row, expected in zip(rows, before, strict=True):
        found = logits(graph, row, tmp_path)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, atol=2e-3 if shape.half_output else 2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_rewrite_alone(name, tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    row = feeds(2, 9)
    before = logits(graph, row, tmp_path)
    (applied,) = apply_rewrites(graph, sampler, device="cpu", without=set(NAMES) - {name})
    assert applied.name == name
    assert applied.max_difference < 1e-6
    np.testing.assert_allclose(logits(graph, row, tmp_path), before, atol=1e-6)


def only(name, graph, sampler):
    return apply_rewrites(graph, sampler, device="cpu", without=set(NAMES) - {name})


def test_the_last_layer_runs_for_one_token(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    only("first-token", graph, sampler)
    values = [str(node.outputs[0].name) for node in graph.graph if node.op_type == "Erf"]
    (found,) = run(graph, [sampler(graph, 2, 13)], values)
    assert [found[name].shape[1] for name in values] == [13, 1], "of two layers the last"
    softmax = [str(node.outputs[0].name) for node in graph.graph if node.op_type == "Softmax"]
    (found,) = run(graph, [sampler(graph, 2, 13)], softmax)
    assert [found[name].shape[2:] for name in softmax] == [(13, 13), (1, 13)]


def of_all_tokens(graph, sampler):
    """Count the products that make a vector of each of 13 tokens."""
    products = [str(node.outputs[0].name) for node in graph.graph if node.op_type == "MatMul"]
    (found,) = run(graph, [sampler(graph, 2, 13)], products)
    sizes = [found[name].shape for name in products]
    return sum(size[:2] == (2, 13) and size[2] >= SHAPES["bert"].hidden for size in sizes)


def test_the_last_layer_makes_no_keys_and_values(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    for before in ("first-token", "scales", "no-mask"):
        only(before, graph, sampler)
    row = feeds(3, 17)
    before = logits(graph, row, tmp_path)
    assert of_all_tokens(graph, sampler) == 6 + 2
    (applied,) = only("absorb", graph, sampler)
    assert of_all_tokens(graph, sampler) == 6, "those of the first layer"
    assert applied.max_difference < 1e-6
    np.testing.assert_allclose(logits(graph, row, tmp_path), before, atol=1e-6)


@pytest.mark.parametrize("kept", ["first-token", "no-mask"])
def test_keys_of_many_queries_are_made(kept, tmp_path):
    """Or where a mask is added to the scores."""
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    for other in ("scales", kept):
        only(other, graph, sampler)
    before = operators(graph)
    only("absorb", graph, sampler)
    assert operators(graph) == before


def test_a_bias_of_keys_may_be_large(tmp_path):
    """It is left out because softmax does not see it, not because it is small."""
    proto = graphs.bert(SHAPES["bert"])
    for tensor in proto.graph.initializer:
        if tensor.dims == [SHAPES["bert"].hidden]:
            moved = numpy_helper.to_array(tensor) + np.float32(0.5)
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))
    graph, sampler = load(tmp_path, proto)
    row = feeds(3, 17)
    before = logits(graph, row, tmp_path)
    apply_rewrites(graph, sampler, device="cpu", without=["attention"])
    assert of_all_tokens(graph, sampler) == 6
    np.testing.assert_allclose(logits(graph, row, tmp_path), before, atol=5e-6)


def test_threads_keep_the_bits(tmp_path):
    """Of the whole rewritten graph, or no pair that is alone could be split between them."""
    shape = graphs.Shape(vocab=400, positions=320, hidden=384, heads=12, layers=2)
    graph, sampler = load(tmp_path, graphs.bert(shape))
    apply_rewrites(graph, sampler, device="cpu")
    save_graph(graph, tmp_path / "plain.onnx")
    optimize(tmp_path / "plain.onnx", tmp_path / "run.onnx")

    def session(threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        return ort.InferenceSession(
            tmp_path / "run.onnx", options, providers=["CPUExecutionProvider"]
        )

    alone = session(1)
    names = {given.name for given in alone.get_inputs()}
    shared = [session(threads) for threads in (2, 3, 8)]
    for width in (5, 33, 40, 64, 75, 124, 257, 320):
        row = {name: value for name, value in feeds(1, width).items() if name in names}
        for each in shared:
            np.testing.assert_array_equal(each.run(None, row), alone.run(None, row))


def pooled(proto, pool):
    """Put another pooling in the place of the first token's: pool(hidden, first) gives nodes."""
    at = next(
        i
        for i, n in enumerate(proto.graph.node)
        if n.op_type == "Gather" and n.attribute and n.attribute[0].i
    )
    node = proto.graph.node[at]
    hidden, first = node.input[0], node.output[0]
    kept = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend([*kept[:at], *pool(node, hidden, first), *kept[at + 1 :]])
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "axis_1"))
    return proto


def mean(_, hidden, first):
    return [helper.make_node("ReduceMean", [hidden], [first], axes=[1], keepdims=0)]


def masked_mean(_, hidden, first):
    return [
        helper.make_node("Cast", ["attention_mask"], ["m"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["m", "axis_last"], ["m3"]),
        helper.make_node("Mul", [hidden, "m3"], ["h"]),
        helper.make_node("ReduceSum", ["h", "axis_1"], ["s"], keepdims=0),
        helper.make_node("ReduceSum", ["m3", "axis_1"], ["c"], keepdims=0),
        helper.make_node("Div", ["s", "c"], [first]),
    ]


def first_and_mean(node, hidden, first):
    """The first token, to which the mean of all is added."""
    kept = helper.make_node("Gather", node.input, ["only_first"], axis=1)
    return [
        kept,
        helper.make_node("ReduceMean", [hidden], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Add", ["only_first", "mean"], [first]),
    ]


@pytest.mark.parametrize("pool", [mean, masked_mean, first_and_mean])
def test_other_poolings_keep_all_tokens(pool, tmp_path):
    proto = pooled(graphs.bert(SHAPES["bert"]), pool)
    proto.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "axis_last"))
    graph, sampler = load(tmp_path, proto)
    row = feeds(2, 11)
    before = logits(graph, row, tmp_path)
    apply_rewrites(graph, sampler, device="cpu")
    np.testing.assert_allclose(logits(graph, row, tmp_path), before, atol=2e-6)
    values = [str(n.outputs[0].name) for n in graph.graph if n.op_type == "Erf"]
    (found,) = run(graph, [sampler(graph, 2, 13)], values)
    assert found[values[-1]].shape[1] == 13


def halves(hidden):
    return [
        helper.make_node("Split", [hidden], ["left", "right"], axis=-1),
        helper.make_node("Concat", ["right", "left"], ["passed"], axis=2),
    ]


def another_axis(hidden):
    return [
        helper.make_node("Unsqueeze", [hidden, "axis_last"], ["four"]),
        helper.make_node("Squeeze", ["four", "axis_last"], ["passed"]),
    ]


def norm_by_hand(hidden):
    return [
        helper.make_node("ReduceMean", [hidden], ["mean"], axes=[-1]),
        helper.make_node("Sub", [hidden, "mean"], ["passed"]),
    ]


def picked(hidden):
    """Columns in another order, found for each token by its place."""
    return [
        helper.make_node("Cast", [hidden], ["numbers"], to=TensorProto.BOOL),
        helper.make_node("Where", ["numbers", "backwards", "backwards"], ["places"]),
        helper.make_node("GatherElements", [hidden, "places"], ["passed"], axis=2),
    ]


@pytest.mark.parametrize("way", [halves, another_axis, norm_by_hand, picked])
def test_the_first_token_is_taken_before_what_leaves_tokens_apart(way, tmp_path):
    def pool(node, hidden, first):
        taken = helper.make_node("Gather", ["passed", node.input[1]], [first], axis=1)
        return [*way(hidden), taken]

    proto = pooled(graphs.bert(SHAPES["bert"]), pool)
    width = SHAPES["bert"].hidden
    proto.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.int64), name)
        for name, value in (("axis_last", [2]), ("backwards", np.arange(width)[::-1].copy()))
    )
    graph, sampler = load(tmp_path, proto)
    row = feeds(2, 11)
    before = logits(graph, row, tmp_path)
    only("first-token", graph, sampler)
    np.testing.assert_allclose(logits(graph, row, tmp_path), before, atol=2e-6)
    values = [str(n.outputs[0].name) for n in graph.graph if n.op_type == "Erf"]
    (found,) = run(graph, [sampler(graph, 2, 13)], values)
    assert [found[name].shape[1] for name in values] == [13, 1]


def test_shapes_leave_no_plumbing(tmp_path):
    graph, sampler = load(tmp_path, plumbed())
    assert operators(graph).count("Concat") == 1
    only("shapes", graph, sampler)
    assert not {"Concat", "Expand", "Sqrt"} & set(operators(graph))


def plumbed():
    """Logits reshaped and scaled by numbers that a chain of nodes computes."""
    proto = graphs.bert(SHAPES["bert"])
    proto.graph.node[-1].output[:] = ["inner"]
    for name, value in (("first", [0]), ("second", [1])):
        proto.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    proto.graph.node.extend(
        [
            helper.make_node("Shape", ["inner"], ["shape"]),
            helper.make_node("Gather", ["shape", "first"], ["rows"]),
            helper.make_node("Gather", ["shape", "second"], ["labels"]),
            helper.make_node("Concat", ["rows", "labels"], ["sizes"], axis=0),
            helper.make_node("Expand", ["inner", "sizes"], ["expanded"]),
            helper.make_node("Cast", ["labels"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Sqrt", ["float"], ["root"]),
            helper.make_node("Mul", ["expanded", "root"], ["logits"]),
        ]
    )
    return proto


def test_ends_that_no_score_needs_go(tmp_path):
    proto = graphs.bert(SHAPES["bert"])
    proto.graph.output.append(
        helper.make_tensor_value_info(proto.graph.node[-2].output[0], TensorProto.FLOAT, None)
    )
    graph, sampler = load(tmp_path, proto)
    only("prune", graph, sampler)
    assert [value.name for value in graph.graph.outputs] == ["logits"]

    unused = graphs.bert(replace(SHAPES["bert"], inputs=("input_ids",)))
    unused.graph.input.append(
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "width"])
    )
    graph, sampler = load(tmp_path, unused)
    only("prune", graph, sampler)
    assert [value.name for value in graph.graph.inputs] == ["input_ids"]


def test_the_mask_goes_where_nothing_else_needs_it(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    only("no-mask", graph, sampler)
    assert [value.name for value in graph.graph.inputs] == ["input_ids", "token_type_ids"]

    proto = pooled(graphs.bert(SHAPES["bert"]), masked_mean)
    proto.graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "axis_last"))
    graph, sampler = load(tmp_path, proto)
    only("no-mask", graph, sampler)
    assert "attention_mask" in [value.name for value in graph.graph.inputs]


def test_what_follows_from_ids_stays_though_no_trial_shows_it(tmp_path):
    """Zero in every trial run, but not for a row that holds the last id twice."""
    proto = graphs.bert(SHAPES["bert"])
    proto.graph.node[-1].output[:] = ["inner"]
    for name, value in (("last", 399), ("one", 1), ("axis", [1])):
        proto.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    proto.graph.node.extend(
        [
            helper.make_node("Equal", ["input_ids", "last"], ["is_last"]),
            helper.make_node("Cast", ["is_last"], ["number"], to=TensorProto.INT64),
            helper.make_node("Mul", ["number", "attention_mask"], ["seen"]),
            helper.make_node("ReduceSum", ["seen", "axis"], ["count"], keepdims=1),
            helper.make_node("Sub", ["count", "one"], ["extra"]),
            helper.make_node("Relu", ["extra_float"], ["bonus"]),
            helper.make_node("Add", ["inner", "bonus"], ["logits"]),
        ]
    )
    proto.graph.node.insert(
        len(proto.graph.node) - 2,
        helper.make_node("Cast", ["extra"], ["extra_float"], to=TensorProto.FLOAT),
    )
    graph, sampler = load(tmp_path, proto)
    row = feeds(1, 12)
    row["input_ids"][:] = 399
    before = logits(graph, row, tmp_path)
    apply_rewrites(graph, sampler, device="cpu")
    np.testing.assert_allclose(logits(graph, row, tmp_path), before, atol=2e-6)


def test_scales_are_carried_out_where_nobody_else_reads_the_weights(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    divisions = operators(graph).count("Div")
    only("scales", graph, sampler)
    assert operators(graph).count("Div") == divisions - 2, "of two layers, before each softmax"


def test_attention_is_one_operator(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    apply_rewrites(graph, sampler, device="cpu", without=["absorb"])
    assert operators(graph).count("MultiHeadAttention") == 2
    assert not {"Softmax", "Transpose"} & set(operators(graph))


def test_masked_attention_stays_as_it_is(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    only("attention", graph, sampler)
    assert operators(graph).count("Softmax") == 2


def test_no_such_rewrite(tmp_path):
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    with pytest.raises(InvalidArgumentError, match="no rewrite magic; there are prune, shapes"):
        apply_rewrites(graph, sampler, device="cpu", without=["magic"])


def test_a_rewrite_that_changes_scores_is_an_error(tmp_path, monkeypatch):
    def spoil(graph, _):
        weights = next(
            v for v in graph.graph.initializers.values() if v.const_value.shape.rank() == 2
        )
        weights.const_value = ir.tensor(weights.const_value.numpy() * 1.01, name=weights.name)

    bad = rewrites.Rewrite("spoil", "spoils a weight", spoil)
    monkeypatch.setattr(rewrites, "REWRITES", (bad,))
    graph, sampler = load(tmp_path, graphs.bert(SHAPES["bert"]))
    with pytest.raises(ModelError, match=r"the rewrite spoil changes a logit .*--without spoil"):
        apply_rewrites(graph, sampler, device="cpu")


@pytest.mark.parametrize(
    ("proto", "message"),
    [
        (graphs.bert(replace(SHAPES["bert"], inputs=("attention_mask",))), "takes input_ids, and"),
        (None, "cannot be read"),
    ],
)
def test_graphs_of_something_else(proto, message, tmp_path):
    path = tmp_path / "model.onnx"
    if proto is None:
        path.write_bytes(b"\x08\x07" + bytes(100))
    else:
        proto.graph.input[0].name = "pixels"
        onnx.save(proto, path)
    with pytest.raises(ModelError, match=message):
        check_inputs(load_graph(path))


def test_weights_that_lie_beside_a_small_graph_come_into_it(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(
        graphs.bert(SHAPES["bert"]),
        path,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=1024,
    )
    graph, sampler = load_graph(path), Sampler(tokenizer(), 64)
    apply_rewrites(graph, sampler, device="cpu")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    save_graph(graph, elsewhere / "model.onnx")
    assert [each.name for each in elsewhere.iterdir()] == ["model.onnx"]
    row = feeds(2, 9)
    ours = ort.InferenceSession(elsewhere / "model.onnx", providers=["CPUExecutionProvider"])
    theirs = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    asked = {each.name: row[each.name] for each in ours.get_inputs()}
    np.testing.assert_allclose(ours.run(None, asked), theirs.run(None, row), atol=2e-6)


def test_missing_external_data_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(
        graphs.bert(SHAPES["bert"]),
        path,
        save_as_external_data=True,
        location="model.onnx_data",
        size_threshold=0,
    )
    (tmp_path / "model.onnx_data").write_bytes(b"short")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be read"):
        load_graph(path)
    (tmp_path / "model.onnx_data").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx cannot be read"):
        load_graph(path)
