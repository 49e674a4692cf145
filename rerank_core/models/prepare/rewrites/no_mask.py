"""No attention mask, for an engine whose rows are never padded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.models.prepare.graphs import given
from rerank_core.models.prepare.sampler import MASK, Sampler
from rerank_core.models.prepare.trials import run, shapes

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["drop_mask"]

_NEUTRAL = {"Add": 0, "Mul": 1}


def drop_mask(model: ir.Model, sampler: Sampler) -> None:
    """Pass by what does nothing while the mask is all ones, and take out the input if it can be.

    That is what adds zeros or multiplies by ones in runs of several sizes, the longest among them.
    The input stays where something else depends on it.
    """
    from onnx_ir.passes.common import RemoveUnusedNodesPass  # noqa: PLC0415

    masks = {value for value in model.graph.inputs if value.name == MASK}
    if not masks:
        return
    # Values that follow from the mask, shapes and constants: with a mask of ones, from the size alone.
    sizes: set[ir.Value] = set()
    candidates = []
    for node in model.graph:
        inputs = {value for value in node.inputs if value is not None and value.const_value is None}
        if masks & inputs and node.op_type in _NEUTRAL:
            candidates.append(node)
        if node.op_type == "Shape" or (inputs and inputs <= sizes | masks):
            (masks if masks & inputs and node.op_type != "Shape" else sizes).update(node.outputs)
    values = {given(value) for node in candidates for value in (*node.inputs, *node.outputs)}
    made = {value for value in values if value.producer() is not None}
    feeds = [sampler(model, *size) for size in sampler.sizes]
    shapes_seen = shapes(model, feeds, sorted(str(value.name) for value in made))
    runs = run(model, feeds, sorted(str(value.name) for value in made & masks))
    for node in candidates:
        first, second = map(given, node.inputs)
        for mask, other in ((first, second), (second, first)):
            if (
                {mask, other} <= made
                and mask in masks
                and all(
                    (found[str(mask.name)] == _NEUTRAL[node.op_type]).all()
                    and shape[str(other.name)] == shape[str(node.outputs[0].name)]
                    for found, shape in zip(runs, shapes_seen, strict=True)
                )
            ):
                node.outputs[0].replace_all_uses_with(other)
                break
    RemoveUnusedNodesPass()(model)
    for value in [value for value in model.graph.inputs if value.name == MASK and not value.uses()]:
        model.graph.inputs.remove(value)
