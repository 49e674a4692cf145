"""Products with a constant number, carried out on the weights before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.models.prepare.graphs import constant, constant_of, given

if TYPE_CHECKING:
    import onnx_ir as ir

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["fold_scales"]


def fold_scales(model: ir.Model, sampler: Sampler) -> None:  # noqa: ARG001  (all rewrites take one)
    """Multiply weights and bias once instead of their result in every run.

    Attention divides queries, keys or both by a root of the head's size; the result is the same up to
    the rounding of a float.
    """
    for node in [node for node in model.graph if node.op_type in ("Mul", "Div")]:
        data, by = map(given, node.inputs)
        if node.op_type == "Mul" and constant_of(data) is not None:
            data, by = by, data
        number = constant_of(by)
        if number is None or number.size != 1:
            continue
        factor = number.item() if node.op_type == "Mul" else 1 / number.item()
        if _scaled(model, data, factor):
            node.outputs[0].replace_all_uses_with(data)


def _scaled(model: ir.Model, value: ir.Value, factor: float) -> bool:
    """Scale what makes a value, if that is weights and all of it goes to one place."""
    node = value.producer()
    if node is None or len(value.uses()) != 1:
        return False
    inputs = list(map(given, node.inputs))
    if node.op_type in ("Transpose", "Reshape"):
        return _scaled(model, inputs[0], factor)
    if node.op_type == "MatMul":
        if constant_of(inputs[1]) is None:
            return _scaled(model, inputs[0], factor)
        return _scale_constant(model, node, 1, factor)
    if node.op_type == "Add":
        for bias, product in ((0, 1), (1, 0)):
            if constant_of(inputs[bias]) is not None and _scaled(model, inputs[product], factor):
                return _scale_constant(model, node, bias, factor)
    return False


def _scale_constant(model: ir.Model, node: ir.Node, place: int, factor: float) -> bool:
    weights = constant_of(node.inputs[place])
    if weights is None:
        return False
    name = f"{node.outputs[0].name}_{place}_scaled"
    node.replace_input_with(place, constant(model, name, (weights * factor).astype(weights.dtype)))
    return True
