"""Rows without padding, as a packed graph is given them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from rerank_core.models.prepare.packing.nodes import Nodes
from rerank_core.models.prepare.sampler import IDS, TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["Inputs", "PackedSampler", "pack_feeds", "pack_inputs"]

POSITIONS = "position_ids"
STARTS = "cumulative_sequence_length"
OFFSETS = "token_offset"


@dataclass(frozen=True)
class Inputs:
    """Those that a packed graph has beside its ids.

    Attributes:
        positions: Of each token in its row [1, tokens].
        starts: Where rows begin, and the last one ends [rows + 1].
        offsets: Places of all tokens in a padded batch, then those of padding [rows, width].
    """

    positions: ir.Value
    starts: ir.Value
    offsets: ir.Value


def pack_inputs(model: ir.Model) -> Inputs:
    """Give a graph the inputs of a packed one, and make its ids int32."""
    import onnx_ir  # noqa: PLC0415

    int32 = onnx_ir.TensorType(onnx_ir.DataType.INT32)
    made = {
        name: onnx_ir.Value(name=name, shape=onnx_ir.Shape(shape), type=int32)
        for name, shape in (
            (POSITIONS, (1, "tokens")),
            (STARTS, ("rows_and_one",)),
            (OFFSETS, ("rows", "width")),
        )
    }
    for value in model.graph.inputs:
        value.type = int32
        value.shape = onnx_ir.Shape((1, "tokens"))
        users = [use for use in value.uses() if use.node.op_type not in ("Gather", "Shape")]
        if users:
            nodes = Nodes(model, model.graph[0], f"packed_{value.name}")
            wide = nodes.add("Cast", value, to=int(onnx_ir.DataType.INT64))
            for node, place in users:
                node.replace_input_with(place, wide)
    model.graph.inputs.extend(made.values())
    return Inputs(*made.values())


def pack_feeds(
    rows: Sequence[dict[str, NDArray[np.int64]]], model: ir.Model
) -> dict[str, NDArray[np.int32]]:
    """Give single rows [1, width] as the inputs of a packed graph."""
    lengths = [row[IDS].shape[1] for row in rows]
    width = max(lengths)
    is_token = np.arange(width) < np.array(lengths)[:, None]
    kinds = {name: np.concatenate([row[name] for row in rows], axis=1) for name in rows[0]}
    kinds[POSITIONS] = np.concatenate([np.arange(length) for length in lengths])[None]
    kinds[STARTS] = np.array([0, *accumulate(lengths)])
    places = np.concatenate([np.flatnonzero(is_token), np.flatnonzero(~is_token)])
    kinds[OFFSETS] = places.reshape(is_token.shape)
    return {
        str(value.name): kinds[str(value.name)].astype(np.int32) for value in model.graph.inputs
    }


@dataclass(frozen=True)
class PackedSampler:
    """Makes rows for trial runs of a packed graph, in the place of a Sampler.

    Attributes:
        sampler: Of the graph of rows.
    """

    sampler: Sampler

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Rows, and the tokens of all together."""
        return [(rows, rows * width + rows - 1) for rows, width in self.sampler.sizes[:-1]]

    def __call__(self, model: ir.Model, rows: int, tokens: int) -> dict[str, NDArray[np.int32]]:
        """Give rows of nearly one width that have so many tokens together."""
        widths = [tokens // rows + (row < tokens % rows) for row in range(rows)]
        given = [self.sampler.row(width, part=row / rows) for row, width in enumerate(widths)]
        names = {str(value.name) for value in model.graph.inputs} & {IDS, TYPES}
        return pack_feeds([{name: row[name] for name in names} for row in given], model)
