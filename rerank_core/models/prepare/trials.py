"""Trial runs of a graph that is being prepared, and what ONNX Runtime makes of it.

The only file of preparing that runs ONNX Runtime through its own package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import ModelError
from rerank_core.models.prepare.graphs import LARGE, forget_shapes, has_data, logits_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import onnx
    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.models.prepare.sampler import Sampler

__all__ = ["logits", "optimize", "run", "runtime_version", "shapes"]

# Optimizers whose operators take longer than what they replace: csrc/ort/session_options.cc. 2026-11-21,
# fp32, 512 tokens, one thread: without BiasGeluFusion MiniLM-L6 took as long, the tiny shape 0.98 of the time;
# with Gemm for MatMul and Add 1.01 and 0.98.
_SLOWER = ["SkipLayerNormFusion"]
_SHAPE_OF = "/rerank_core/shape"


def runtime_version() -> str:
    """Give the version of the ONNX Runtime that graphs are run and optimized by."""
    import onnxruntime as ort  # noqa: PLC0415

    return str(ort.__version__)


def run(
    model: ir.Model,
    feeds: Iterable[Mapping[str, NDArray[Any]]],
    names: Sequence[str],
) -> list[dict[str, NDArray[Any]]]:
    """Run a graph as it stands, without any optimization, once for each of the feeds.

    Args:
        names: The values to give, outputs or inner ones.
    """
    return list(_runs(model, feeds, names, names))


def shapes(
    model: ir.Model, feeds: Iterable[Mapping[str, NDArray[Any]]], names: Sequence[str]
) -> list[dict[str, tuple[int, ...]]]:
    """Do as `run` does, and give the shapes of values, for which none of them need be kept."""
    asked = [f"{name}{_SHAPE_OF}" for name in names]
    return [
        {name: tuple(found[shape].tolist()) for name, shape in zip(names, asked, strict=True)}
        for found in _runs(model, feeds, asked, [])
    ]


def _runs(
    model: ir.Model,
    feeds: Iterable[Mapping[str, NDArray[Any]]],
    names: Sequence[str],
    inner: Sequence[str],
) -> Iterator[dict[str, NDArray[Any]]]:
    import onnxruntime as ort  # noqa: PLC0415

    if not names:
        yield from ({} for _ in feeds)
        return
    proto, weights = _without_weights(model)
    there = {output.name for output in proto.graph.output}
    for name in names:
        if name not in there:
            proto.graph.output.add(name=name)
        if name not in inner:
            source = name.removesuffix(_SHAPE_OF)
            proto.graph.node.add(op_type="Shape", input=[source], output=[name], name=name)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    # Shapes as early as they can be told, so that values need not wait for them.
    options.execution_order = ort.ExecutionOrder.PRIORITY_BASED
    # The weights serve as they are, in memory or mapped: none is copied.
    options.add_session_config_entry("session.disable_prepacking", "1")
    options.add_external_initializers(
        list(weights), [ort.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
    )
    try:
        session = ort.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        for each in feeds:
            yield dict(zip(names, session.run(list(names), each), strict=True))
    except Exception as error:  # ONNX Runtime's classes have no base of their own
        raise ModelError(f"the graph does not run on a trial row: {error}") from error


def _without_weights(model: ir.Model) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    """Give a graph that only names its large weights, and these."""
    import onnx_ir  # noqa: PLC0415

    forget_shapes(model)
    tensors = {
        name: value.const_value
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
        and value.const_value.nbytes > LARGE
        and value.const_value.numpy().dtype.kind in "biuf"  # of NumPy itself
    }
    try:
        for name, tensor in tensors.items():
            model.graph.initializers[name].const_value = onnx_ir.ExternalTensor(
                "elsewhere",
                0,
                tensor.nbytes,
                tensor.dtype,
                shape=onnx_ir.Shape(tensor.shape.numpy()),
                name=name,
            )
        proto = onnx_ir.to_proto(model)
    finally:
        for name, tensor in tensors.items():
            model.graph.initializers[name].const_value = tensor
    return proto, {name: np.ascontiguousarray(each.numpy()) for name, each in tensors.items()}


def logits(model: ir.Model, sampler: Sampler, *, is_padded: bool) -> NDArray[np.float32]:
    """Run a graph on rows of many lengths, padded or not, and give all logits."""
    feeds = [sampler(model, *size, is_padded=is_padded) for size in sampler.sizes]
    name = str(logits_of(model).name)
    return np.concatenate([found[name].ravel() for found in run(model, feeds, [name])])


def optimize(source: Path, target: Path) -> None:
    """Write the graph as ONNX Runtime optimizes it for any CPU."""
    import onnxruntime as ort  # noqa: PLC0415

    options = ort.SessionOptions()
    # The level above is for this very processor.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    if has_data(source):
        entry = "session.optimized_model_external_initializers_file_name"
        options.add_session_config_entry(entry, f"{target.name}_data")
    try:
        ort.InferenceSession(
            source, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
    except Exception as error:  # ONNX Runtime's classes have no base of their own
        raise ModelError(f"ONNX Runtime cannot write the optimized graph: {error}") from error
