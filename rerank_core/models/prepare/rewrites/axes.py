"""Where an axis of an operator's result is in its data, for those that leave the elements along it apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rerank_core.models.prepare.graphs import constant_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir

__all__ = ["AXIS_BEFORE", "names_axis"]


def names_axis(node: ir.Node, axis: int, rank: int) -> bool:
    """Tell whether an axis is the one that an operator with one attribute `axis` works along."""
    return node.attributes.get_int("axis", 0) in (axis, axis - rank)


def _transpose(node: ir.Node, axis: int, rank: int) -> int | None:
    perm = node.attributes.get_ints("perm") or list(reversed(range(rank)))
    return perm[axis]


def _along_last(node: ir.Node, axis: int, rank: int) -> int | None:
    """Each row along the last axis by itself."""
    is_last = node.attributes.get_int("axis", -1) in (-1, rank - 1)
    return axis if is_last and axis != rank - 1 else None


def _reduce(node: ir.Node, axis: int, rank: int) -> int | None:
    """Each row along the last axis to one number, if that axis stays."""
    axes = node.attributes.get_ints("axes") or _listed(node, 1)
    is_last = axes is not None and list(axes) in ([-1], [rank - 1])
    stays = node.attributes.get_int("keepdims", 1) == 1
    return axis if is_last and stays and axis != rank - 1 else None


def _split(node: ir.Node, axis: int, rank: int) -> int | None:
    return None if names_axis(node, axis, rank) else axis


def _slice(node: ir.Node, axis: int, rank: int) -> int | None:
    axes = _listed(node, 3)
    return None if axes is None or {axis, axis - rank} & set(axes) else axis


def _squeeze(node: ir.Node, axis: int, rank: int) -> int | None:
    axes = _listed(node, 1)
    if axes is None:
        return None
    longer = rank + len(axes)
    gone = {each % longer for each in axes}
    return [place for place in range(longer) if place not in gone][axis]


def _unsqueeze(node: ir.Node, axis: int, rank: int) -> int | None:
    axes = _listed(node, 1)
    if axes is None or {axis, axis - rank} & set(axes):
        return None
    return axis - sum(each % rank < axis for each in axes)


def _listed(node: ir.Node, place: int) -> list[int] | None:
    """Give the constant that an operator takes as a list of axes."""
    found = constant_of(node.inputs[place]) if len(node.inputs) > place else None
    return None if found is None else list(map(int, found.ravel()))


# By operator, what gives the axis of its first input for one of its result, or None.
AXIS_BEFORE: dict[str, Callable[[ir.Node, int, int], int | None]] = {
    "LayerNormalization": _along_last,
    "RMSNormalization": _along_last,
    "ReduceMax": _reduce,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "Slice": _slice,
    "Softmax": _along_last,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
