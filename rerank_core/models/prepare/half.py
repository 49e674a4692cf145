"""fp16 for CUDA: weights and products in half precision, what is delicate in single."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rerank_core.errors import ModelError
from rerank_core.models.prepare.graphs import constant, constant_of, given, logits_of
from rerank_core.models.prepare.sampler import IDS, MASK, TrialRows
from rerank_core.models.prepare.trials import run

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

__all__ = ["halve"]

# Sums of many squares or exponentials.
_SINGLE = frozenset(
    "LayerNormalization Pow RMSNormalization Reciprocal ReduceMean ReduceSum Softmax Sqrt".split(
        " "
    )
)
# What may stand between the last normalization and the logits; two products at most.
_HEAD = frozenset("Add Div Erf Gather Gemm MatMul Mul Relu Reshape Squeeze Tanh".split(" "))
_HEAD_PRODUCTS = 2


def halve(model: ir.Model, sampler: TrialRows) -> None:
    """Bring a graph to fp16, in place.

    fp32 stay softmax, normalizations and head, what is added from the mask (its numbers are beyond
    fp16), and what no embedding reaches, such as the angles of positions. The logits are fp32.

    Raises:
        ModelError: A weight is beyond what fp16 can hold.
    """
    from onnx_ir.passes.common import RemoveUnusedNodesPass  # noqa: PLC0415

    _Halver(model, sampler).halve()
    RemoveUnusedNodesPass()(model)  # and the weights of which there are halves now


class _Halver:
    """Walks a graph from its inputs, and casts where two precisions meet."""

    def __init__(self, model: ir.Model, sampler: TrialRows) -> None:
        self._model = model
        names = [str(value.name) for node in model.graph for value in node.outputs if value.name]
        seen = run(model, [sampler(model, *sampler.sizes[1])], names)[0]
        self._floats = {name for name, content in seen.items() if content.dtype == np.float32}
        self._head = _head(model)
        self._active: set[ir.Value] = set()  # what an embedding reaches
        self._masks: set[ir.Value] = {v for v in model.graph.inputs if v.name == MASK}
        self._halves: set[ir.Value] = set()  # what is fp16
        self._casts: dict[tuple[ir.Value, bool], ir.Value] = {}
        self._ids = {value for value in model.graph.inputs if value.name == IDS}

    def halve(self) -> None:
        for node in list(self._model.graph):
            inputs = {value for value in node.inputs if value is not None}
            if self._ids & inputs and node.op_type != "Gather":
                self._ids |= set(node.outputs)
            if node.op_type == "Shape":  # what is computed of a size may need all of fp32
                continue
            floats = {value for value in inputs if self._is_float(value)}
            is_embedding = node.op_type == "Gather" and bool(floats and self._ids & inputs)
            is_active = is_embedding or bool(self._active & inputs)
            is_masked = bool(self._masks & inputs)
            is_half = (
                is_active
                and not is_masked
                and node.op_type not in _SINGLE
                and node not in self._head
            )
            if is_active:
                self._active |= set(node.outputs)
            elif is_masked:
                self._masks |= set(node.outputs)
            for place, value in enumerate(node.inputs):
                if value in floats:
                    node.replace_input_with(place, self._cast(given(value), node, is_half=is_half))
            if is_half:
                self._halves |= {value for value in node.outputs if str(value.name) in self._floats}
                self._retype(node)

    def _is_float(self, value: ir.Value) -> bool:
        content = constant_of(value)
        return str(value.name) in self._floats or (
            content is not None and content.dtype == np.float32
        )

    def _cast(self, value: ir.Value, user: ir.Node, *, is_half: bool) -> ir.Value:
        """Give a value in the precision of who uses it."""
        import onnx_ir  # noqa: PLC0415

        if (value in self._halves) == is_half:
            return value
        key = (value, is_half)
        if key not in self._casts:
            content = constant_of(value)
            if content is not None:
                self._casts[key] = constant(
                    self._model, f"{value.name}_half", _halved(value, content)
                )
            else:
                name = f"{value.name}_{'half' if is_half else 'single'}"
                to = onnx_ir.DataType.FLOAT16 if is_half else onnx_ir.DataType.FLOAT
                made = onnx_ir.Value(name=name, type=onnx_ir.TensorType(to))
                cast = onnx_ir.Node(
                    "", "Cast", [value], [onnx_ir.AttrInt64("to", to)], outputs=[made], name=name
                )
                self._model.graph.insert_before(user, cast)
                self._casts[key] = made
        return self._casts[key]

    def _retype(self, node: ir.Node) -> None:
        import onnx_ir  # noqa: PLC0415

        if node.op_type == "Cast" and set(node.outputs) & self._halves:
            node.attributes.add(onnx_ir.AttrInt64("to", onnx_ir.DataType.FLOAT16))
        for value in node.outputs:
            value.type = None  # it was said for fp32


def _halved(value: ir.Value, content: NDArray[np.float32]) -> NDArray[np.float16]:
    # Infinity, which some masks hold, is the same in both.
    largest = float(
        np.abs(content, where=np.isfinite(content), out=np.zeros_like(content)).max(initial=0)
    )
    if largest > float(np.finfo(np.float16).max):
        raise ModelError(
            f"the weight {value.name} holds {largest:.3g}, which fp16 cannot; prepare the model in fp32"
        )
    return content.astype(np.float16)


def _head(model: ir.Model) -> set[ir.Node]:
    """Give the nodes between the last normalization and the logits."""
    nodes = set()
    waiting = [(logits_of(model), 0)]
    while waiting:
        value, products = waiting.pop()
        node = value.producer()
        if node is None or node.op_type not in _HEAD:
            continue
        products += node.op_type in ("Gemm", "MatMul")
        if products <= _HEAD_PRODUCTS:
            nodes.add(node)
            waiting += [(each, products) for each in node.inputs if each is not None]
    return nodes
