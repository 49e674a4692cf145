"""A graph without padding: the rows of a batch one behind the other, on one axis of tokens.

On a GPU a batch must be large to be fast, and its rows are of all lengths; what would be padding is
neither copied nor computed here. What treats tokens one by one stays as it is, for a batch of one row
that is all tokens. Three things look beyond a token: positions, attention, and the taking of each row's
first token.

The inputs are what ONNX Runtime's packed operators want, all int32: `input_ids`, `token_type_ids` and
`position_ids` [1, tokens]; `cumulative_sequence_length` [rows + 1], where rows begin; `token_offset`
[rows, width], places of the tokens among those of a padded batch, then places of the padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.models.prepare.graphs import forget_shapes, logits_of
from rerank_core.models.prepare.packing.attention import Attention, fuse, restore_rows
from rerank_core.models.prepare.packing.nodes import NotPackable
from rerank_core.models.prepare.packing.pooling import take_first_tokens
from rerank_core.models.prepare.packing.positions import find_positions, number_tokens
from rerank_core.models.prepare.packing.rows import PackedSampler, pack_feeds, pack_inputs
from rerank_core.models.prepare.sampler import IDS, MASK, TYPES
from rerank_core.models.prepare.trials import run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["Attention", "NotPackable", "PackedSampler", "fuse", "pack"]

_LEAST_OPSET = 13  # from which on axes are inputs


def pack(model: ir.Model, sampler: Sampler, *, tolerance: float = 1e-5) -> list[Attention]:
    """Make a graph of rows into one of tokens, in place, and compare their logits.

    Attention is computed by standard operators, in a padded place of its own, so that the graph runs
    anywhere; `fuse` puts the operator of a GPU in its place.

    Args:
        model: With no mask (rewrite no-mask) and the whole last layer (not first-token).
        tolerance: Difference of a logit that rounding may make, where logits are about one.

    Returns:
        Each attention of the graph, for `fuse`.

    Raises:
        NotPackable: The graph has something that is not understood, or its logits changed; it is no
            longer what it was.
        ModelError: It does not run; likewise.
    """
    from onnx_ir.passes.common import RemoveUnusedNodesPass  # noqa: PLC0415

    if model.graph.opset_imports.get("", 0) < _LEAST_OPSET:
        raise NotPackable(f"its opset is below {_LEAST_OPSET}")
    if any(value.name == MASK for value in model.graph.inputs):
        raise NotPackable("it needs its attention mask")
    rows = _rows(model, sampler)
    expected = _logits(model, rows)

    positions = find_positions(model, rows)
    inputs = pack_inputs(model)
    number_tokens(model, positions, inputs)
    attentions = restore_rows(model, inputs)
    take_first_tokens(model, sampler, inputs)
    RemoveUnusedNodesPass()(model)
    for value in [value for value in model.graph.inputs if not value.uses()]:
        model.graph.inputs.remove(value)
    forget_shapes(model)

    found = _logits(model, [pack_feeds(rows, model)])
    difference = float(np.abs(found - expected).max()) if found.shape == expected.shape else np.inf
    if not difference <= tolerance * max(1.0, float(np.abs(expected).max())):
        raise NotPackable(f"packing changed a logit by {difference:.2g}")
    return attentions


def _rows(model: ir.Model, sampler: Sampler) -> list[dict[str, NDArray[np.int64]]]:
    """Give single rows of all widths that are tried, for a graph of rows."""
    rows = [sampler(model, *size) for size in sampler.sizes]
    return [
        {name: each[number : number + 1] for name, each in feed.items() if name in (IDS, TYPES)}
        for feed in rows
        for number in range(len(feed[IDS]))
    ]


def _logits(model: ir.Model, feeds: Sequence[Mapping[str, NDArray[Any]]]) -> NDArray[np.float32]:
    name = str(logits_of(model).name)
    return np.concatenate([each[name] for each in run(model, feeds, [name])])
