"""The last layer for the first token only: no other reaches the score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rerank_core.models.prepare.graphs import constant, constant_of, given
from rerank_core.models.prepare.rewrites.axes import AXIS_BEFORE, names_axis
from rerank_core.models.prepare.trials import shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnx_ir as ir

    from rerank_core.models.prepare.sampler import Sampler, TrialRows

__all__ = ["Mover", "first_token_gathers", "keep_first_token"]

# Each element of the result depends on the elements at its own place alone.
_ELEMENTWISE = frozenset(
    "Abs Add And Cast Clip Cos Div Equal Erf Exp Gelu Greater Identity Less Log Max Min Mul Neg Not Or"
    " Pow Reciprocal Relu Sigmoid Sin Softplus Sqrt Sub Tanh Where".split(" ")
)
# Each along the axis that it names.
_ACROSS = frozenset({"Concat", "GatherElements"})


def keep_first_token(model: ir.Model, sampler: Sampler) -> None:
    """Where only the first of all tokens is taken, take it as early as possible.

    From the Gather that takes the first token, the taking moves up through all that treats tokens one
    by one, and through the query side of the attention; it stops at what needs all tokens, or is not
    known. Which dimension is the width is seen in trial runs.
    """
    for gather in first_token_gathers(model):
        Mover(model, sampler).move(gather)


def first_token_gathers(model: ir.Model) -> list[ir.Node]:
    """Give the nodes that take the first of all tokens, or of whatever else the axis is."""
    return [
        node
        for node in model.graph
        if node.op_type == "Gather"
        and node.attributes.get_int("axis", 0) == 1
        and (index := constant_of(node.inputs[1])) is not None
        and index.shape == ()
        and index == 0
    ]


class Mover:
    """Moves the taking of the first token upwards."""

    def __init__(self, model: ir.Model, sampler: TrialRows) -> None:
        self._model = model
        self._taken: dict[tuple[ir.Value, int], ir.Value] = {}
        names = [str(value.name) for node in model.graph for value in node.outputs if value.name]
        feeds = [sampler(model, *size) for size in sampler.sizes]
        runs = shapes(model, feeds, names)
        self._shapes = {name: [each[name] for each in runs] for name in names}
        for name in feeds[0]:
            self._shapes[name] = [each[name].shape for each in feeds]
        for name, value in model.graph.initializers.items():
            if value.const_value is not None:
                self._shapes[name] = [tuple(value.const_value.shape.numpy())] * len(feeds)
        self._widths = [width for _, width in sampler.sizes]
        self._movable: dict[ir.Node, int] = {}  # the axis of its result that it may be taken along

    def move(self, gather: ir.Node) -> None:
        hidden = gather.inputs[0]
        if hidden is not None and self._is_width(hidden, 1):
            self._find_movable(gather, hidden)
            gather.replace_input_with(0, self._first(hidden, 1))

    def _find_movable(self, gather: ir.Node, hidden: ir.Value) -> None:
        """Find the nodes of whose results nobody needs more than the first."""
        wanted: dict[ir.Value, dict[tuple[ir.Node, int], int]] = {hidden: {(gather, 0): 1}}
        for node in reversed(self._model.graph):
            asked: dict[tuple[ir.Node, int], int] = {}
            for result in node.outputs:
                asked.update(wanted.get(result, {}))
            axes = set(asked.values())
            if len(axes) != 1 or any(result.is_graph_output() for result in node.outputs):
                continue
            uses = (use for result in node.outputs for use in result.uses())
            if {(use.node, use.idx) for use in uses} != set(asked):
                continue
            (axis,) = axes
            taken = self._inputs_taken(node, axis)
            if taken is None:
                continue
            self._movable[node] = axis
            for place, own_axis in taken.items():
                wanted.setdefault(given(node.inputs[place]), {})[node, place] = own_axis

    def _inputs_taken(self, node: ir.Node, axis: int) -> dict[int, int] | None:
        """Give which inputs must be taken, along which axes; None if the node needs them whole."""
        rank = len(self._shape(node.outputs[0])[0])
        if node.op_type in _ELEMENTWISE:
            return self._aligned(node, axis - rank)
        if node.op_type in _ACROSS:
            return (
                None
                if names_axis(node, axis, rank)
                else dict.fromkeys(range(len(node.inputs)), axis)
            )
        before = self._shape(given(node.inputs[0]))
        place = None
        if node.op_type == "MatMul":
            place = axis if axis == rank - 2 and len(before[0]) == rank else None
        elif node.op_type == "Reshape":
            kept = (each for each in range(len(before[0])) if self._is_kept(node, each, axis))
            place = next(kept, None)
        elif node.op_type in AXIS_BEFORE:
            place = AXIS_BEFORE[node.op_type](node, axis, rank)
        return None if place is None else {0: place}

    def _aligned(self, node: ir.Node, from_last: int) -> dict[int, int]:
        """Give the axis of each input; what has one element there serves all tokens."""
        axes = {
            place: len(self._shape(value)[0]) + from_last
            for place, value in enumerate(node.inputs)
            if value is not None
        }
        return {
            place: axis
            for place, axis in axes.items()
            if axis >= 0 and self._is_width(given(node.inputs[place]), axis)
        }

    def _is_kept(self, reshape: ir.Node, place: int, axis: int) -> bool:
        """Tell whether a Reshape makes an axis of its data, in one piece, an axis of its result."""
        data = given(reshape.inputs[0])
        shapes = zip(self._shape(data), self._shape(reshape.outputs[0]), strict=True)
        return self._is_width(data, place) and all(
            np.prod(before[:place]) == np.prod(after[:axis]) for before, after in shapes
        )

    def _first(self, value: ir.Value, axis: int) -> ir.Value:
        """Give what is the value at place 0 of an axis; the axis stays, with one element."""
        if (value, axis) not in self._taken:
            node = value.producer()
            if node is not None and self._movable.get(node) == axis:
                self._move_node(node, axis)
            else:
                self._taken[value, axis] = self._sliced(value, axis)
        return self._taken[value, axis]

    def _move_node(self, node: ir.Node, axis: int) -> None:
        inputs = list(node.inputs)
        for place, own_axis in (self._inputs_taken(node, axis) or {}).items():
            inputs[place] = self._first(given(inputs[place]), own_axis)
        if node.op_type == "Reshape":
            inputs[1] = self._with_one(node, axis)
        names = [f"{value.name}_first" for value in node.outputs]
        made = self._added(node.op_identifier()[:2], inputs, names, node, node.attributes.values())
        for value, first in zip(node.outputs, made, strict=True):
            self._taken[value, axis] = first

    def _with_one(self, reshape: ir.Node, axis: int) -> ir.Value:
        """Give the shape that a Reshape makes, with 1 in a place."""
        name = f"{reshape.outputs[0].name}_first_shape"
        asked = given(reshape.inputs[1])
        sizes = constant_of(asked)
        if sizes is not None:
            return constant(self._model, name, np.where(np.arange(len(sizes)) == axis, 1, sizes))
        rank = len(self._shape(reshape.outputs[0])[0])
        place = constant(self._model, f"first_token_{axis}_of_{rank}", np.arange(rank) == axis)
        one = constant(self._model, "first_token_one", np.array([1], np.int64))
        return self._added(("", "Where"), [place, one, asked], [name], asked.producer())[0]

    def _sliced(self, value: ir.Value, axis: int) -> ir.Value:
        limits = [
            constant(self._model, f"first_token_{name}_{number}", np.array([number], np.int64))
            for name, number in (("start", 0), ("end", 1), ("axis", axis))
        ]
        name = f"{value.name}_first_{axis}"
        return self._added(("", "Slice"), [value, *limits], [name], value.producer())[0]

    def _added(
        self,
        operator: tuple[str, str],
        inputs: Sequence[ir.Value | None],
        names: Sequence[str],
        after: ir.Node | None,
        attributes: Iterable[ir.Attr] = (),
    ) -> Sequence[ir.Value]:
        import onnx_ir  # noqa: PLC0415

        made = [onnx_ir.Value(name=name) for name in names]
        node = onnx_ir.Node(
            *operator, inputs, attributes=list(attributes), outputs=made, name=names[0]
        )
        if after is None:
            self._model.graph.insert_before(self._model.graph[0], node)
        else:
            self._model.graph.insert_after(after, node)
        return made

    def _shape(self, value: ir.Value) -> list[tuple[int, ...]]:
        return self._shapes[str(value.name)]

    def _is_width(self, value: ir.Value, axis: int) -> bool:
        return [s[axis] if axis < len(s) else None for s in self._shape(value)] == self._widths
