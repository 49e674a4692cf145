"""Graphs in the hands of a rewriter: reading, running on samples, comparing, writing.

The only file that runs ONNX Runtime through its own package; needs the extra ``export``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core.errors import FailedPreconditionError, ModelError
from rerank_core.models.prepare.sampler import IDS, MASK, TYPES, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import onnx
    import onnx_ir as ir
    from numpy.typing import NDArray

__all__ = [
    "check_inputs",
    "constant",
    "constant_of",
    "given",
    "load_graph",
    "logits",
    "logits_of",
    "needs",
    "optimize",
    "producer",
    "run",
    "runtime_version",
    "save_graph",
    "shapes",
]

_INLINE_LIMIT = 1 << 30  # bytes of weights that go beside the graph: a protobuf ends at 2 GB
_LARGE = 1 << 12  # bytes of a weight that is handed to a session beside the graph
_SHAPE_OF = "/rerank_core/shape"


def needs(*packages: str) -> None:
    """Say which packages are missing, and how to get them."""
    from importlib.util import find_spec  # noqa: PLC0415  (only when a model is prepared)

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise FailedPreconditionError(
            f"to prepare a model, {', '.join(missing)} must be installed: pip install "
            '"rerank-core[cpu,prepare]"'
        )


def load_graph(path: Path) -> ir.Model:
    """Read a graph; its weights stay on disk until they are used.

    Raises:
        ModelError: The file is no graph, or weights that it keeps beside it are missing or cut.
    """
    needs("onnx_ir", "onnxscript", "onnxruntime")
    import onnx_ir  # noqa: PLC0415
    from onnx_ir.passes.common import NameFixPass  # noqa: PLC0415

    try:
        model = onnx_ir.load(path)
        NameFixPass()(model)  # names are optional, and what is said of nodes is said by name
        for value in model.graph.initializers.values():
            if isinstance(value.const_value, onnx_ir.ExternalTensor):
                content = value.const_value.numpy()
                if content.nbytes <= _LARGE:  # ONNX Runtime may need it to tell shapes
                    value.const_value = onnx_ir.tensor(content.copy(), name=value.name)
    except Exception as error:
        raise ModelError(f"{path} cannot be read: {error}; export or download it again") from error
    return model


def save_graph(model: ir.Model, path: Path) -> None:
    """Write a graph; weights of more than 1 GB go to ``<name>_data`` beside it."""
    import onnx_ir  # noqa: PLC0415

    _forget_shapes(model)
    size = sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
    if size > _INLINE_LIMIT:
        onnx_ir.save(model, path, external_data=f"{path.name}_data")
    else:
        onnx_ir.external_data.load_to_model(model)  # or the file would name those that it came from
        onnx_ir.save(model, path)


def _forget_shapes(model: ir.Model) -> None:
    """Drop what is said of inner values: it was so before a rewrite."""
    for node in model.graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None


def check_inputs(model: ir.Model) -> None:
    """Refuse a graph with an input that a cross-encoder does not have.

    Raises:
        ModelError: It has one, or takes no ids.
    """
    names = {str(value.name) for value in model.graph.inputs}
    if not {IDS} <= names <= {IDS, TYPES, MASK}:
        raise ModelError(
            f"a cross-encoder's graph takes {IDS}, and {MASK} or {TYPES}; this one takes "
            f"{', '.join(sorted(names)) or 'nothing'}"
        )


def runtime_version() -> str:
    """Give the version of the ONNX Runtime that graphs are run and optimized by."""
    import onnxruntime as ort  # noqa: PLC0415

    return str(ort.__version__)


def run(
    model: ir.Model,
    feeds: Iterable[dict[str, NDArray[np.int64]]],
    names: Sequence[str],
) -> list[dict[str, NDArray[Any]]]:
    """Run a graph as it stands, without any optimization, once for each of the feeds.

    Args:
        names: The values to give, outputs or inner ones.
    """
    return list(_runs(model, feeds, names, names))


def shapes(
    model: ir.Model, feeds: Iterable[dict[str, NDArray[np.int64]]], names: Sequence[str]
) -> list[dict[str, tuple[int, ...]]]:
    """Do as `run` does, and give the shapes of values, for which none of them need be kept."""
    asked = [f"{name}{_SHAPE_OF}" for name in names]
    return [
        {name: tuple(found[shape].tolist()) for name, shape in zip(names, asked, strict=True)}
        for found in _runs(model, feeds, asked, [])
    ]


def _runs(
    model: ir.Model,
    feeds: Iterable[dict[str, NDArray[np.int64]]],
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
    session = ort.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    for each in feeds:
        yield dict(zip(names, session.run(list(names), each), strict=True))


def _without_weights(model: ir.Model) -> tuple[onnx.ModelProto, dict[str, NDArray[Any]]]:
    """Give a graph that only names its large weights, and these."""
    import onnx_ir  # noqa: PLC0415

    _forget_shapes(model)
    tensors = {
        name: value.const_value
        for name, value in model.graph.initializers.items()
        if value.const_value is not None
        and value.const_value.nbytes > _LARGE
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


def logits_of(model: ir.Model) -> ir.Value:
    """Give the output that holds the logits: the one of that name, or the first."""
    outputs = model.graph.outputs
    return next((value for value in outputs if value.name == "logits"), outputs[0])


def constant(model: ir.Model, name: str, content: NDArray[Any]) -> ir.Value:
    """Give the graph's initializer of that name; made if there is none."""
    import onnx_ir  # noqa: PLC0415

    if name not in model.graph.initializers:
        tensor = onnx_ir.tensor(content, name=name)
        made = onnx_ir.Value(
            name=name,
            const_value=tensor,
            shape=onnx_ir.Shape(content.shape),
            type=onnx_ir.TensorType(tensor.dtype),
        )
        model.graph.register_initializer(made)
    return model.graph.initializers[name]


def given(value: ir.Value | None) -> ir.Value:
    """Give an input that the operator cannot be without."""
    if value is None:
        raise ModelError("an operator of the graph lacks an input; export it again")
    return value


def constant_of(value: ir.Value | None) -> NDArray[Any] | None:
    """Give what a value is in every run, or None if that is not known."""
    if value is None or value.const_value is None:
        return None
    return value.const_value.numpy()


def producer(value: ir.Value | None, op_type: str) -> ir.Node | None:
    """Give the node that makes a value, if it is of that type."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == op_type else None


def optimize(source: Path, target: Path, *, skip: Sequence[str]) -> None:
    """Write the graph as ONNX Runtime optimizes it for any CPU.

    Args:
        skip: Names of ONNX Runtime's optimizers that are left out.
    """
    import onnxruntime as ort  # noqa: PLC0415

    options = ort.SessionOptions()
    # The level above is for this very processor.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    if source.with_name(f"{source.name}_data").exists():
        entry = "session.optimized_model_external_initializers_file_name"
        options.add_session_config_entry(entry, f"{target.name}_data")
    try:
        ort.InferenceSession(
            source, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(skip)
        )
    except Exception as error:  # ONNX Runtime's classes have no base of their own
        raise ModelError(f"ONNX Runtime cannot write the optimized graph: {error}") from error
