"""The ends of a graph that no score needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.models.prepare.graphs import logits_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["prune_ends"]


def prune_ends(model: ir.Model, sampler: Sampler) -> None:  # noqa: ARG001  (all rewrites take one)
    """Keep the logits of all outputs, and of the inputs those that they follow from."""
    from onnx_ir.passes.common import RemoveUnusedNodesPass  # noqa: PLC0415

    kept = logits_of(model)
    for value in [value for value in model.graph.outputs if value is not kept]:
        model.graph.outputs.remove(value)
    RemoveUnusedNodesPass()(model)
    for value in [value for value in model.graph.inputs if not value.uses()]:
        model.graph.inputs.remove(value)
