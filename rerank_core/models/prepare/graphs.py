"""Graphs in the hands of a rewriter: reading, asking, adding constants, writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rerank_core.errors import FailedPreconditionError, ModelError
from rerank_core.models.layout import data_of
from rerank_core.models.prepare.sampler import IDS, MASK, TYPES

if TYPE_CHECKING:
    from pathlib import Path

    import onnx_ir as ir
    from numpy.typing import NDArray

__all__ = [
    "LARGE",
    "check_inputs",
    "constant",
    "constant_of",
    "forget_shapes",
    "given",
    "has_data",
    "load_graph",
    "logits_of",
    "needs",
    "producer",
    "save_graph",
]

# Bytes of all weights, from which on they lie beside the graph, are mapped, and start quickly. 2026-11-30,
# MiniLM-L6 fp32, a session: 36 ms, 180 ms out of the graph; a second one of the same weights 20, 124.
_INLINE_LIMIT = 16 << 20
LARGE = 1 << 12  # bytes of a weight that a trial run takes from beside the graph


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
                if content.nbytes <= LARGE:  # ONNX Runtime may need it to tell shapes
                    value.const_value = onnx_ir.tensor(content.copy(), name=value.name)
    except Exception as error:
        raise ModelError(f"{path} cannot be read: {error}; export or download it again") from error
    return model


def save_graph(model: ir.Model, path: Path) -> None:
    """Write a graph; weights of more than 16 MB go to ``<name>_data`` beside it."""
    import onnx_ir  # noqa: PLC0415

    forget_shapes(model)
    size = sum(v.const_value.nbytes for v in model.graph.initializers.values() if v.const_value)
    if size > _INLINE_LIMIT:
        onnx_ir.save(model, path, external_data=f"{path.name}_data")
    else:
        onnx_ir.external_data.load_to_model(model)  # or the file would name those that it came from
        onnx_ir.save(model, path)


def has_data(path: Path) -> bool:
    """Tell whether weights of a graph lie beside it."""
    return bool(data_of(path.name, (each.name for each in path.parent.iterdir())))


def forget_shapes(model: ir.Model) -> None:
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
