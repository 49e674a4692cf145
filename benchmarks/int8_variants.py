"""Ways to int8 that were not taken, built to be measured beside the one that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from rerank_core.models.prepare.graphs import constant, constant_of, load_graph, save_graph

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

SMALL = 64  # as rerank_core.models.prepare.quantize
MATRIX = 2  # dimensions


def blocks(source: Path, target: Path) -> None:
    """MatMulNBits: weights in blocks of 128 by 8 bits, activations by the block of a row."""
    quantizer = MatMulNBitsQuantizer(
        onnx.load(source), bits=8, block_size=128, is_symmetric=True, accuracy_level=4
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(target), use_external_data_format=False)


class _Rows(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Iterable[dict[str, NDArray[np.int64]]]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Any:
        return next(self._feeds, None)


def static(source: Path, target: Path, feeds: Iterable[dict[str, NDArray[np.int64]]]) -> None:
    """One scale for each activation, seen on calibration rows beforehand."""
    model = onnx.load(source)
    del model.graph.value_info[:]
    by_head = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) > MATRIX}
    quantize_static(
        model,
        target,
        _Rows(feeds),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[n.name for n in model.graph.node if by_head & set(n.input)],
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def rows(source: Path, target: Path) -> None:
    """One scale for each token, in plain operators around MatMulInteger."""
    model = load_graph(source)
    for node in [node for node in model.graph if node.op_type == "MatMul"]:
        weights = constant_of(node.inputs[1])
        if weights is not None and min(weights.shape) >= SMALL:
            _by_row(model, node, weights)
    save_graph(model, target)


def _by_row(model: ir.Model, node: ir.Node, weights: NDArray[np.float32]) -> None:
    name = str(node.name)
    scales = np.abs(weights).max(axis=0) / 127
    quantized = constant(model, f"{name}_w", np.round(weights / scales).astype(np.int8))
    axis = constant(model, "last_axis", np.array([-1], np.int64))
    bound = constant(model, "bound", np.array(1 / 127, np.float32))
    least = constant(model, "least", np.array(1e-12, np.float32))

    def add(op: str, *inputs: ir.Value | None, **attributes: int) -> ir.Value:
        made = ir.Node(
            "",
            op,
            list(inputs),
            [ir.AttrInt64(key, value) for key, value in attributes.items()],
            name=f"{name}_{op}_{len(model.graph)}",
        )
        made.outputs[0].name = f"{made.name}_out"
        model.graph.insert_before(node, made)
        return made.outputs[0]

    x = node.inputs[0]
    largest = add("ReduceMax", add("Abs", x), axis, keepdims=1)
    scale = add("Max", add("Mul", largest, bound), least)
    integers = add("Cast", add("Round", add("Div", x, scale)), to=ir.DataType.INT8)
    product = add("Cast", add("MatMulInteger", integers, quantized), to=ir.DataType.FLOAT)
    column = constant(model, f"{name}_s", scales.astype(np.float32))
    node.outputs[0].replace_all_uses_with(add("Mul", add("Mul", product, scale), column))
