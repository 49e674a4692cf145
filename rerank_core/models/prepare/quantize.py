"""int8 for a CPU: weights once, activations in every run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rerank_core.errors import ModelError
from rerank_core.models.prepare.graphs import has_data

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

__all__ = ["quantize"]

_SMALL = 64  # rows or columns of weights with which int8 gains nothing
_MATRIX = 2  # dimensions


def quantize(graph: Path, out: Path, *, reduce_range: bool) -> None:
    """Write a graph whose products with weights are in int8, with a scale for each column of weights.

    Activations get a scale in every run: rows must run alone for a score not to depend on company.
    Small products and the head stay in fp32: they take no time, and features of many scales need it.
    What else was tried is in ARCHITECTURE.md, "int8".

    Args:
        reduce_range: Keep weights to 7 bits, for x86 without VNNI.

    Raises:
        ModelError: There is nothing to quantize.
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
            nodes_to_exclude=_small(model),
            use_external_data_format=has_data(graph),
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    finally:
        root.removeFilter(_is_no_advice)
    done = onnx.load(out, load_external_data=False)
    if not any(node.op_type == "MatMulInteger" for node in done.graph.node):
        raise ModelError(
            f"there is nothing to quantize: no product of a layer (MatMul) has weights of {_SMALL} x "
            f"{_SMALL} or more; prepare the model in fp32"
        )


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()


def _small(model: onnx.ModelProto) -> list[str]:
    """Name the products with small weights, and those of one row for each pair: Gemm, or by head."""
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    small = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul"
        and (len(weights := shapes.get(node.input[1], ())) != _MATRIX or min(weights) < _SMALL)
    ]
    # As the quantizer names them when it has made them MatMul.
    return small + [f"{node.name}_MatMul" for node in model.graph.node if node.op_type == "Gemm"]
