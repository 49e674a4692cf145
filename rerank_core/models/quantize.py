"""int8 for a CPU: weights once, activations in every run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

__all__ = ["quantize"]

_FEW_COLUMNS = 64


def quantize(graph: Path, out: Path, *, reduce_range: bool) -> None:
    """Write a graph whose products with weights are in int8, with a scale for each column of weights.

    Activations get a scale in every run: rows must run alone for a score not to depend on company.
    The head stays in fp32: it takes no time. What else was tried is in ARCHITECTURE.md, "int8".

    Args:
        reduce_range: Keep weights to 7 bits, for x86 without VNNI.
    """
    import onnx  # noqa: PLC0415
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    model = onnx.load(graph, load_external_data=False)
    del model.graph.value_info[:]  # the quantizer transposes weights and leaves their shapes
    onnx.save(model, graph)
    root = logging.getLogger()
    root.addFilter(_is_no_advice)
    try:
        quantize_dynamic(
            graph,
            out,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_head(model),
            use_external_data_format=graph.with_name(f"{graph.name}_data").exists(),
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    finally:
        root.removeFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


def _head(model: onnx.ModelProto) -> list[str]:
    """Name the products of few columns, and those of one row for each pair, which are Gemm."""
    columns = {tensor.name: tensor.dims[-1] for tensor in model.graph.initializer if tensor.dims}
    narrow = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and columns.get(node.input[1], _FEW_COLUMNS) < _FEW_COLUMNS
    ]
    # As the quantizer names them when it has made them MatMul.
    return narrow + [f"{node.name}_MatMul" for node in model.graph.node if node.op_type == "Gemm"]
