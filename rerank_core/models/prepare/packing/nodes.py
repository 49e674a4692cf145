"""Nodes that are added to a graph while it is packed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.models.prepare.graphs import constant

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["Nodes", "NotPackable"]


class NotPackable(Exception):  # noqa: N818  (nobody sees it: the padded graph serves)
    """A graph has something that is not understood."""


class Nodes:
    """Adds nodes in front of another, or behind it, one after the other."""

    def __init__(
        self, model: ir.Model, place: ir.Node, prefix: str, *, is_behind: bool = False
    ) -> None:
        self._model = model
        self._place = place
        self._prefix = prefix
        self._is_behind = is_behind
        self._count = 0

    def add(
        self, op_type: str, *inputs: ir.Value | None, domain: str = "", **attributes: Any
    ) -> ir.Value:
        """Add a node, and give its result."""
        import onnx_ir  # noqa: PLC0415

        name = f"{self._prefix}/{op_type}_{self._count}"
        self._count += 1
        made = onnx_ir.Value(name=name)
        node = onnx_ir.Node(
            domain,
            op_type,
            list(inputs),
            attributes=onnx_ir.convenience.convert_attributes(attributes),
            outputs=[made],
            name=name,
        )
        if self._is_behind:
            self._model.graph.insert_after(self._place, node)
            self._place = node
        else:
            self._model.graph.insert_before(self._place, node)
        return made

    def numbers(self, *numbers: int, dtype: type[np.integer[Any]] = np.int64) -> ir.Value:
        """Give a vector of constants."""
        content = np.array(numbers, dtype)
        name = "_".join(["packed", content.dtype.name, *map(str, numbers)])
        return constant(self._model, name, content)
