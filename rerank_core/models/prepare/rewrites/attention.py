"""Attention as the one operator that ONNX Runtime has for it, without the shuffling around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rerank_core.models.prepare.graphs import constant_of, producer

if TYPE_CHECKING:
    import onnx_ir as ir

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["Heads", "find_attention", "fuse_attention"]

_DOMAIN = "com.microsoft"


@dataclass(frozen=True)
class Heads:
    """A projection [rows, width, hidden], and among how many heads it is divided."""

    source: ir.Value
    number: int


def fuse_attention(model: ir.Model, sampler: Sampler) -> None:  # noqa: ARG001  (all rewrites take one)
    """Make MultiHeadAttention of softmax(Q K^T) V where no mask is added.

    It takes and gives [rows, width, hidden], so that no head is transposed into a place of its own.
    """
    import onnx_ir  # noqa: PLC0415

    for softmax in [node for node in model.graph if node.op_type == "Softmax"]:
        found = find_attention(softmax)
        if found is None:
            continue
        merged, heads = found
        fused = onnx_ir.Node(
            _DOMAIN,
            "MultiHeadAttention",
            [each.source for each in heads],
            # Q is scaled: a division that stood between Q K^T and softmax would not match.
            attributes=[
                onnx_ir.AttrInt64("num_heads", heads[0].number),
                onnx_ir.AttrFloat32("scale", 1.0),
            ],
            name=f"{merged.name}_fused",
        )
        fused.outputs[0].name = f"{merged.outputs[0].name}_fused"
        model.graph.insert_after(merged, fused)
        merged.outputs[0].replace_all_uses_with(fused.outputs[0])
        model.graph.opset_imports[_DOMAIN] = 1


def find_attention(softmax: ir.Node) -> tuple[ir.Node, list[Heads]] | None:
    """Give the Reshape that ends an attention, and its Q, K and V; None if it is not one."""
    scores = producer(softmax.inputs[0], "MatMul")
    context = _only_user(softmax, "MatMul")
    back = _only_user(context, "Transpose")
    merged = _only_user(back, "Reshape")
    if scores is None or context is None or merged is None or _perm(back) != [0, 2, 1, 3]:
        return None
    if context.inputs[0] is not softmax.outputs[0]:
        return None
    parts = (
        (scores.inputs[0], [0, 2, 1, 3]),
        (scores.inputs[1], [0, 2, 3, 1]),
        (context.inputs[1], [0, 2, 1, 3]),
    )
    heads = [each for value, perm in parts if (each := _heads(value, perm)) is not None]
    if len(heads) != len(parts) or len({each.number for each in heads}) != 1:
        return None
    return merged, heads


def _only_user(node: ir.Node | None, op_type: str) -> ir.Node | None:
    users = [use.node for use in node.outputs[0].uses()] if node is not None else []
    return users[0] if len(users) == 1 and users[0].op_type == op_type else None


def _perm(node: ir.Node | None) -> list[int]:
    return list(node.attributes.get_ints("perm") or ()) if node is not None else []


def _heads(value: ir.Value | None, perm: list[int]) -> Heads | None:
    """Read Transpose(Reshape(projection)) to [rows, heads, width, size], in the order of perm."""
    transpose = producer(value, "Transpose")
    if transpose is None or _perm(transpose) != perm:
        return None
    reshape = producer(transpose.inputs[0], "Reshape")
    shape = constant_of(reshape.inputs[1]) if reshape is not None else None
    if reshape is None or shape is None or shape.shape != (4,) or reshape.inputs[0] is None:
        return None
    return Heads(reshape.inputs[0], int(shape[2]))
