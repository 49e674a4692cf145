"""The graphs of a directory for CUDA: one of padded rows, one of packed ones, over the same weights."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from rerank_core.errors import ModelError
from rerank_core.models.prepare.graphs import LARGE, forget_shapes, load_graph, save_graph
from rerank_core.models.prepare.half import halve
from rerank_core.models.prepare.packing import NotPackable, PackedSampler, fuse, pack
from rerank_core.models.prepare.rewrites import apply_rewrites

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import onnx_ir as ir

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["write_for_cuda"]

_LOG = logging.getLogger("rerank_core")
# Packing takes the mask out, and the first tokens, in its own way.
_NOT_BEFORE_PACKING = ("first-token", "attention")


def write_for_cuda(
    padded: ir.Model,
    source: Path,
    sampler: Sampler,
    *,
    to: tuple[Path, Path],
    precision: str,
    without: Collection[str],
) -> bool:
    """Bring a rewritten graph to the precision and write it; write a packed one too, if there can be one.

    Args:
        padded: The rewritten graph.
        source: Where it was read from; packing begins there.
        to: The files of the padded and the packed graph, in one directory.
        without: Rewrites that the packed graph is not to have either.

    Returns:
        Whether there is a packed one. Why not is logged.
    """
    packed = load_graph(source)
    try:
        left_out = {*without, *_NOT_BEFORE_PACKING}
        apply_rewrites(packed, sampler, device="cpu", without=left_out)
        attentions = pack(packed, sampler)
    except (NotPackable, ModelError) as reason:
        _LOG.info("%s is not packed, so that rows are padded on a GPU: %s", source, reason)
        attentions = []
    if precision == "fp16":
        halve(padded, sampler)
    if not attentions:
        save_graph(padded, to[0])
        return False
    if precision == "fp16":
        halve(packed, PackedSampler(sampler))
    fuse(packed, attentions)
    _save_together((padded, packed), to)
    return True


def _save_together(models: tuple[ir.Model, ...], paths: tuple[Path, ...]) -> None:
    """Write graphs whose weights lie in one file beside them, each once."""
    import onnx_ir  # noqa: PLC0415

    where: dict[tuple[str, bytes], list[ir.Value]] = {}
    for model in models:
        forget_shapes(model)
        for value in model.graph.initializers.values():
            tensor = value.const_value
            if tensor is not None and tensor.nbytes > LARGE:
                kind = f"{tensor.dtype} {tensor.shape}"
                content = hashlib.sha256(tensor.tobytes()).digest()
                where.setdefault((kind, content), []).append(value)
    directory, name = paths[0].parent, f"{paths[0].name}_data"
    firsts = [values[0].const_value for values in where.values()]
    written = onnx_ir.external_data.convert_tensors_to_external(
        [tensor for tensor in firsts if tensor is not None], directory, name
    )
    for values, tensor in zip(where.values(), written, strict=True):
        for value in values:
            value.const_value = tensor
    for model, path in zip(models, paths, strict=True):
        onnx_ir.save(model, path)
