"""Cross-encoder graphs with seeded random weights, made with onnx alone.

The nodes are those of a plain PyTorch export of BERT: what ONNX Runtime makes of them is what it
makes of a user's model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

ALL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True)
class Shape:
    """The sizes of a BERT."""

    layers: int = 2
    hidden: int = 32
    heads: int = 2
    vocab: int = 20_000
    positions: int = 512
    labels: int = 1
    inputs: tuple[str, ...] = ALL_INPUTS
    half_output: bool = False
    counts_words: bool = (
        False  # positions skip id 0, as RoBERTa's do, instead of following the width
    )
    seed: int = 0


TINY = Shape(layers=2, hidden=128, heads=2, vocab=30_522)
MINILM_L6 = Shape(layers=6, hidden=384, heads=12, vocab=30_522)


class _Graph:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, value: Any, dtype: Any, name: str | None = None) -> str:
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def weight(self, *shape: int, scale: float = 0.05) -> str:
        return self.constant(self.rng.normal(0, scale, shape), np.float32)

    def node(
        self, operator: str, *inputs: str, output: str | None = None, **attributes: Any
    ) -> str:
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def linear(self, x: str, size_in: int, size_out: int) -> str:
        product = self.node("MatMul", x, self.weight(size_in, size_out))
        return self.node("Add", product, self.weight(size_out))

    def norm(self, x: str, size: int) -> str:
        gain = self.constant(np.ones(size), np.float32)
        bias = self.constant(np.zeros(size), np.float32)
        return self.node("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)


def _places(g: _Graph) -> str:
    length = g.node("Gather", g.node("Shape", "input_ids"), g.constant(1, np.int64), axis=0)
    return g.node("Range", g.constant(0, np.int64), length, g.constant(1, np.int64))


def _words(g: _Graph) -> str:
    is_padding = g.node("Equal", "input_ids", g.constant(0, np.int64))
    is_word = g.node("Cast", g.node("Not", is_padding), to=TensorProto.INT32)
    count = g.node("CumSum", is_word, g.constant(1, np.int64))
    return g.node("Cast", g.node("Mul", count, is_word), to=TensorProto.INT64)


def _embeddings(g: _Graph, shape: Shape) -> str:
    positions = _words(g) if shape.counts_words else _places(g)
    x = g.node("Gather", g.weight(shape.vocab, shape.hidden, scale=0.3), "input_ids")
    if "token_type_ids" in shape.inputs:
        types = g.node("Gather", g.weight(2, shape.hidden, scale=0.3), "token_type_ids")
        x = g.node("Add", x, types)
    table = g.weight(shape.positions, shape.hidden, scale=0.3)
    return g.norm(g.node("Add", x, g.node("Gather", table, positions)), shape.hidden)


def _mask_bias(g: _Graph) -> str:
    mask = g.node("Unsqueeze", "attention_mask", g.constant([1, 2], np.int64))
    hidden = g.node("Sub", g.constant(1, np.float32), g.node("Cast", mask, to=TensorProto.FLOAT))
    return g.node("Mul", hidden, g.constant(np.finfo(np.float32).min, np.float32))


def _attention(g: _Graph, x: str, shape: Shape, bias: str | None) -> str:
    size, heads = shape.hidden, shape.heads
    split = g.constant([0, 0, heads, size // heads], np.int64)

    def head(perm: list[int]) -> str:
        return g.node("Transpose", g.node("Reshape", g.linear(x, size, size), split), perm=perm)

    query, key, value = head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])
    scale = g.constant(np.sqrt(size // heads), np.float32)
    scores = g.node("Div", g.node("MatMul", query, key), scale)
    if bias is not None:
        scores = g.node("Add", scores, bias)
    mixed = g.node("MatMul", g.node("Softmax", scores, axis=-1), value)
    merged = g.node(
        "Reshape",
        g.node("Transpose", mixed, perm=[0, 2, 1, 3]),
        g.constant([0, 0, size], np.int64),
    )
    return g.linear(merged, size, size)


def _gelu(g: _Graph, x: str) -> str:
    scaled = g.node("Div", x, g.constant(np.sqrt(2), np.float32))
    erf = g.node("Add", g.node("Erf", scaled), g.constant(1, np.float32))
    return g.node("Mul", g.node("Mul", x, erf), g.constant(0.5, np.float32))


def bert(shape: Shape) -> onnx.ModelProto:
    """Give a BERT with a pooler and a classifier on the first token."""
    g = _Graph(shape.seed)
    x = _embeddings(g, shape)
    bias = _mask_bias(g) if "attention_mask" in shape.inputs else None
    size = shape.hidden
    for _ in range(shape.layers):
        x = g.norm(g.node("Add", _attention(g, x, shape, bias), x), size)
        inner = _gelu(g, g.linear(x, size, 4 * size))
        x = g.norm(g.node("Add", g.linear(inner, 4 * size, size), x), size)
    first = g.node("Gather", x, g.constant(0, np.int64), axis=1)
    pooled = g.node("Tanh", g.node("Gemm", first, g.weight(size, size), g.weight(size)))
    head = (g.weight(size, shape.labels, scale=0.5), g.weight(shape.labels))
    kind = TensorProto.FLOAT16 if shape.half_output else TensorProto.FLOAT
    if shape.half_output:
        g.node("Cast", g.node("Gemm", pooled, *head), output="logits", to=kind)
    else:
        g.node("Gemm", pooled, *head, output="logits")
    return _model(g, shape.inputs, [("logits", kind, ["batch", shape.labels])])


def _model(
    g: _Graph, inputs: tuple[str, ...], outputs: list[tuple[str, int, list[Any]]]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        g.nodes,
        "made",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
            for name in inputs
        ],
        [helper.make_tensor_value_info(*output) for output in outputs],
        g.initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def table(values: Any, *, labels: int = 1, hide_labels: bool = False) -> onnx.ModelProto:
    """Give a graph whose logits are looked up by the last token id of a row: [vocab, labels].

    With hide_labels their number is only known when the graph runs.
    """
    g = _Graph(0)
    lookup = g.constant(np.asarray(values).reshape(-1, labels), np.float32)
    last = g.node("Gather", "input_ids", g.constant(-1, np.int64), axis=1)
    logits = g.node("Gather", lookup, last, axis=0)
    if hide_labels:
        everything = g.constant([True] * labels, np.bool_)
        g.node("Compress", logits, everything, output="logits", axis=1)
        return _model(g, ALL_INPUTS[:1], [("logits", TensorProto.FLOAT, ["batch", "labels"])])
    g.node("Identity", logits, output="logits")
    return _model(g, ALL_INPUTS[:1], [("logits", TensorProto.FLOAT, ["batch", labels])])


def failing(values: Any, *, breaks: int, exhausts: int) -> onnx.ModelProto:
    """Give `table`, which fails on a row of two special tokens.

    One makes it look past the end of a table, the other makes it ask for 2 ** 46 floats at once.
    """
    g = _Graph(0)
    last = g.node("Gather", "input_ids", g.constant(-1, np.int64), axis=1)
    places, sizes = np.zeros(len(values), np.int64), np.ones(len(values), np.int64)
    places[breaks], sizes[exhausts] = len(values), 2**46
    place = g.node("Gather", g.constant(places, np.int64), last, axis=0)
    found = g.node("Gather", g.constant(np.zeros(1), np.float32), place, axis=0)
    size = g.node("Gather", g.constant(sizes, np.int64), last, axis=0)
    largest = g.node("ReduceMax", size, axes=[0], keepdims=1)
    room = g.node("ReduceSum", g.node("ConstantOfShape", largest))
    logits = g.node("Gather", g.constant(values, np.float32), last, axis=0)
    flat = g.node("Add", g.node("Add", logits, found), room)
    g.node("Unsqueeze", flat, g.constant([1], np.int64), output="logits")
    return _model(g, ALL_INPUTS[:1], [("logits", TensorProto.FLOAT, ["batch", 1])])


def mixing() -> onnx.ModelProto:
    """Give a graph whose logits move with the other rows of a batch, as int8 scales do."""
    g = _Graph(0)
    ids = g.node("Cast", "input_ids", to=TensorProto.FLOAT)
    axis = g.constant([1], np.int64)
    own = g.node("ReduceSum", ids, axis, keepdims=1)
    largest = g.node("ReduceMax", own, keepdims=1)
    g.node("Div", own, largest, output="logits")
    return _model(g, ALL_INPUTS[:1], [("logits", TensorProto.FLOAT, ["batch", 1])])


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path


def save_apart(graph: Path, path: Path) -> Path:
    """Save a graph again with its weights in a file of their own."""
    onnx.save(onnx.load(graph), str(path), save_as_external_data=True, location="weights.data")
    return path
