"""Everything computed from constants, computed once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["fold_constants"]


def fold_constants(model: ir.Model) -> None:
    """Fold constants, join equal subexpressions, remove what nothing uses; by onnxscript's optimizer."""
    from onnxscript import optimizer  # noqa: PLC0415

    chatter = logging.getLogger("onnxscript.optimizer")
    level = chatter.level
    chatter.setLevel(logging.ERROR)  # it tells of every node that it leaves
    try:
        optimizer.optimize_ir(model, num_iterations=3, onnx_shape_inference=False)
    finally:
        chatter.setLevel(level)
