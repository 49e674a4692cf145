"""Where a token stands in its row, as a graph of tokens is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rerank_core.models.prepare.graphs import constant, constant_of, given
from rerank_core.models.prepare.packing.nodes import Nodes, NotPackable
from rerank_core.models.prepare.sampler import IDS, TYPES
from rerank_core.models.prepare.trials import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.models.prepare.packing.rows import Inputs

__all__ = ["find_positions", "number_tokens"]

# By node, what is added to a token's position, or stands in its place.
Positions = dict["ir.Node", tuple[int, bool]]


def find_positions(model: ir.Model, rows: Sequence[dict[str, NDArray[np.int64]]]) -> Positions:
    """Find what is looked up by a token's place alone: its position and a number, or a number alone.

    That is seen in trial runs of single rows.

    Raises:
        NotPackable: Something else is looked up.
    """
    from_ids = _from_ids(model)
    lookups = [
        node
        for node in model.graph
        if node.op_type == "Gather"
        and constant_of(node.inputs[0]) is not None
        and given(node.inputs[1]).producer() is not None
        and given(node.inputs[1]) not in from_ids
    ]
    names = [str(given(node.inputs[1]).name) for node in lookups]
    runs = run(model, rows, sorted(set(names)))
    found: Positions = {}
    for node, name in zip(lookups, names, strict=True):
        seen = [each[name] for each in runs]
        if all(each.size == 1 for each in seen):
            continue  # not by place
        first = int(seen[0].flat[0])
        if all(np.array_equal(each.ravel(), first + np.arange(each.size)) for each in seen):
            found[node] = (first, True)
        elif all((each == first).all() for each in seen):
            found[node] = (first, False)
        else:
            raise NotPackable(f"{node.name} looks up something by a token's place")
    return found


def number_tokens(model: ir.Model, positions: Positions, inputs: Inputs) -> None:
    """Look up by the input of positions, and let sums over the tokens of a row begin with it."""
    for node, (number, is_position) in positions.items():
        nodes = Nodes(model, node, f"{node.name}/packed")
        index = constant(model, f"{node.name}/packed_index", np.array([[number]], np.int32))
        if is_position:
            index = nodes.add("Add", inputs.positions, index) if number else inputs.positions
        node.replace_input_with(1, index)
    for node in [node for node in model.graph if node.op_type == "CumSum"]:
        _sum_by_row(model, node, inputs)


def _sum_by_row(model: ir.Model, node: ir.Node, inputs: Inputs) -> None:
    """Take off a running sum what it was before the row of each token.

    Positions are such sums where padding, which a text may name, is not counted.
    """
    axis = constant_of(node.inputs[1])
    is_plain = not any(node.attributes.get_int(name, 0) for name in ("exclusive", "reverse"))
    if axis is None or axis.item() != 1 or not is_plain:
        raise NotPackable(f"{node.name} sums otherwise than along a row")
    users = list(node.outputs[0].uses())
    nodes = Nodes(model, node, f"{node.name}/packed", is_behind=True)
    one = nodes.numbers(1, dtype=np.int32)
    zeros = nodes.add("Sub", inputs.positions, inputs.positions)
    ones = nodes.add("Add", zeros, one)
    places = nodes.add("Sub", nodes.add("CumSum", ones, node.inputs[1]), one)
    first = nodes.add("Sub", places, inputs.positions)
    before = nodes.add("Sub", node.outputs[0], node.inputs[0])
    offset = nodes.add("GatherElements", before, first, axis=1)
    result = nodes.add("Sub", node.outputs[0], offset)
    for user, place in users:
        user.replace_input_with(place, result)


def _from_ids(model: ir.Model) -> set[ir.Value]:
    """Give the values that follow from ids or types themselves, not from their number alone."""
    found = {value for value in model.graph.inputs if value.name in (IDS, TYPES)}
    for node in model.graph:
        if node.op_type != "Shape" and found & set(node.inputs):
            found.update(node.outputs)
    return found
