"""Attention within rows, in a graph whose tokens are on one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rerank_core.models.prepare.graphs import constant
from rerank_core.models.prepare.packing.nodes import Nodes, NotPackable
from rerank_core.models.prepare.rewrites.attention import find_attention
from rerank_core.models.prepare.sampler import IDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from rerank_core.models.prepare.packing.rows import Inputs

__all__ = ["Attention", "fuse", "restore_rows"]

_DOMAIN = "com.microsoft"
# Added to the scores of padding; no score comes near it, and fp16 holds it.
_NEVER = -60000.0


@dataclass(frozen=True)
class Attention:
    """One attention of a packed graph; all values are [tokens, hidden].

    Attributes:
        query, key, value: What it takes; the query is scaled.
        context: What it gives.
        num_heads: Among how many heads the hidden ones are divided.
        inputs: Of the graph.
    """

    query: ir.Value
    key: ir.Value
    value: ir.Value
    context: ir.Value
    num_heads: int
    inputs: Inputs


@dataclass(frozen=True)
class _Padding:
    """What all attentions of a graph share.

    Attributes:
        places: Of the tokens in a padded batch [tokens, 1].
        number: Of all places of that batch [1].
        shape: Of that batch [2].
        bias: Of scores [rows, 1, 1, width].
    """

    places: ir.Value
    number: ir.Value
    shape: ir.Value
    bias: ir.Value


def restore_rows(model: ir.Model, inputs: Inputs) -> list[Attention]:
    """Compute each attention on padded rows, by operators that every ONNX Runtime has.

    Raises:
        NotPackable: A softmax is not that of an attention that is understood.
    """
    softmaxes = [node for node in model.graph if node.op_type == "Softmax"]
    if not softmaxes:
        raise NotPackable("it has no attention")
    padding = _padding(model, inputs)
    attentions = []
    for softmax in softmaxes:
        found = find_attention(softmax)
        if found is None:
            raise NotPackable(f"{softmax.name} is not that of a plain attention")
        merged, (query, key, value) = found
        nodes = Nodes(model, merged, f"{merged.name}/packed")
        flat = [_flat(nodes, each.source) for each in (query, key, value)]
        heads = [_heads(nodes, each, padding, query.number) for each in flat]
        keys = nodes.add("Transpose", heads[1], perm=[0, 1, 3, 2])
        scores = nodes.add("Add", nodes.add("MatMul", heads[0], keys), padding.bias)
        mixed = nodes.add("MatMul", nodes.add("Softmax", scores, axis=-1), heads[2])
        back = nodes.add("Transpose", mixed, perm=[0, 2, 1, 3])
        padded = nodes.add(
            "Reshape", back, nodes.add("Concat", padding.number, nodes.numbers(-1), axis=0)
        )
        context = nodes.add("GatherND", padded, padding.places)
        merged.outputs[0].replace_all_uses_with(nodes.add("Unsqueeze", context, nodes.numbers(0)))
        attentions.append(Attention(flat[0], flat[1], flat[2], context, query.number, inputs))
    return attentions


def fuse(model: ir.Model, attentions: Sequence[Attention]) -> None:
    """Put the operator of a GPU, which needs no padding, in the place of each attention."""
    from onnx_ir.passes.common import RemoveUnusedNodesPass  # noqa: PLC0415

    for each in attentions:
        old = each.context.producer()
        if old is None:
            raise NotPackable(f"{each.context.name} is made by nothing")
        nodes = Nodes(model, old, f"{each.context.name}/fused")
        fused = nodes.add(
            "PackedMultiHeadAttention",
            each.query,
            each.key,
            each.value,
            None,  # bias: it is added before
            each.inputs.offsets,
            each.inputs.starts,
            domain=_DOMAIN,
            num_heads=each.num_heads,
            scale=1.0,
        )
        each.context.replace_all_uses_with(fused)
        fused.type = each.context.type
    model.graph.opset_imports[_DOMAIN] = 1
    RemoveUnusedNodesPass()(model)


def _flat(nodes: Nodes, value: ir.Value) -> ir.Value:
    """Give [1, tokens, hidden] as [tokens, hidden]."""
    return nodes.add("Squeeze", value, nodes.numbers(0))


def _padding(model: ir.Model, inputs: Inputs) -> _Padding:
    nodes = Nodes(model, model.graph[0], "packed/padding")
    (ids,) = (value for value in model.graph.inputs if value.name == IDS)
    tokens = nodes.add("Slice", nodes.add("Shape", ids), nodes.numbers(1), nodes.numbers(2))
    shape = nodes.add("Shape", inputs.offsets)
    number = nodes.add("ReduceProd", shape, keepdims=1)
    offsets = nodes.add("Reshape", inputs.offsets, nodes.numbers(-1))
    used = nodes.add("Slice", offsets, nodes.numbers(0), tokens)
    places = nodes.add("Cast", nodes.add("Unsqueeze", used, nodes.numbers(1)), to=7)
    never = constant(model, "packed_never", np.array([_NEVER], np.float32))
    nothing = constant(model, "packed_nothing", np.array([0], np.float32))
    bias = nodes.add(
        "ScatterND",
        nodes.add("Expand", never, number),
        places,
        nodes.add("Expand", nothing, tokens),
    )
    rows, width = (
        nodes.add("Slice", shape, nodes.numbers(axis), nodes.numbers(axis + 1)) for axis in (0, 1)
    )
    one = nodes.numbers(1)
    as_scores = nodes.add("Reshape", bias, nodes.add("Concat", rows, one, one, width, axis=0))
    return _Padding(places, number, shape, as_scores)


def _heads(nodes: Nodes, flat: ir.Value, padding: _Padding, num_heads: int) -> ir.Value:
    """Give [tokens, hidden] as [rows, heads, width, size], with zeros for padding."""
    hidden = nodes.add("Slice", nodes.add("Shape", flat), nodes.numbers(1), nodes.numbers(2))
    shape = nodes.add("Concat", padding.number, hidden, axis=0)
    zeros = nodes.add("ConstantOfShape", shape)
    padded = nodes.add("ScatterND", zeros, padding.places, flat)
    divided = nodes.add("Concat", padding.shape, nodes.numbers(num_heads, -1), axis=0)
    return nodes.add("Transpose", nodes.add("Reshape", padded, divided), perm=[0, 2, 1, 3])
