"""The first token of each row, as early as nothing else is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.models.prepare.graphs import given
from rerank_core.models.prepare.packing.nodes import Nodes, NotPackable
from rerank_core.models.prepare.packing.rows import PackedSampler
from rerank_core.models.prepare.rewrites.first_token import Mover, first_token_gathers

if TYPE_CHECKING:
    import onnx_ir as ir

    from rerank_core.models.prepare.packing.rows import Inputs
    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["take_first_tokens"]


def take_first_tokens(model: ir.Model, sampler: Sampler, inputs: Inputs) -> None:
    """Take what begins each row, where a graph of rows took its first token.

    Of the last layer, what follows attention is computed for these tokens only.

    Raises:
        NotPackable: The graph does not take first tokens.
    """
    gathers = first_token_gathers(model)
    if len(gathers) != 1:
        raise NotPackable("it does not score by the first token of a row")
    (gather,) = gathers
    nodes = Nodes(model, model.graph[0], "packed/first")
    first = nodes.add("Slice", inputs.starts, nodes.numbers(0), nodes.numbers(-1))
    mover = _RowsMover(model, PackedSampler(sampler), first)
    taken = mover.taken_by(gather)
    after = Nodes(model, gather, f"{gather.name}/packed")
    gather.outputs[0].replace_all_uses_with(after.add("Squeeze", taken, after.numbers(0)))


class _RowsMover(Mover):
    """Moves the taking of all first tokens upwards."""

    def __init__(self, model: ir.Model, sampler: PackedSampler, first: ir.Value) -> None:
        super().__init__(model, sampler)
        self._starts = first

    def taken_by(self, gather: ir.Node) -> ir.Value:
        """Give what a Gather takes from, at all first tokens."""
        hidden = given(gather.inputs[0])
        if not self._is_width(hidden, 1):
            raise NotPackable(f"{gather.name} takes the first of something else than tokens")
        self._find_movable(gather, hidden)
        return self._first(hidden, 1)

    def _inputs_taken(self, node: ir.Node, axis: int) -> dict[int, int] | None:
        # A Reshape may name the number of tokens, and attention wants all.
        return None if node.op_type == "Reshape" else super()._inputs_taken(node, axis)

    def _sliced(self, value: ir.Value, axis: int) -> ir.Value:
        from onnx_ir import AttrInt64  # noqa: PLC0415

        name = f"{value.name}_first_{axis}"
        return self._added(
            ("", "Gather"),
            [value, self._starts],
            [name],
            value.producer() or self._starts.producer(),
            [AttrInt64("axis", axis)],
        )[0]
