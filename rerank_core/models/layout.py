"""Which files a model directory holds, by name: the same on disk and in a listing of the hub."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from rerank_core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rerank_core.models.manifest import Manifest

__all__ = ["GRAPH_NAMES", "choose_graph", "data_of", "graphs_among", "is_pickle"]

# File names of exported graphs, by precision, as optimum and the hub's ONNX repositories use them;
# each in the directory itself or in onnx/.
_GRAPHS = {
    "fp32": ("model.onnx",),
    "fp16": ("model_fp16.onnx",),
    "int8": ("model_int8.onnx", "model_quantized.onnx"),
}
_PICKLES = frozenset(
    {".bin", ".ckpt", ".h5", ".joblib", ".msgpack", ".pickle", ".pkl", ".pt", ".pth"}
)
# The best name of a precision first.
_PLACES = tuple(
    (precision, place)
    for precision, names in _GRAPHS.items()
    for name in names
    for place in (name, f"onnx/{name}")
)
GRAPH_NAMES = tuple(place for _, place in _PLACES)


def graphs_among(names: Iterable[str], manifest: Manifest) -> dict[str, str]:
    """Give the ONNX graph of each precision that is among the names of a model's files."""
    if manifest.graph is not None:
        return {str(manifest.precision): manifest.graph}
    there = set(names)
    found: dict[str, str] = {}
    for precision, place in _PLACES:
        if place in there:
            found.setdefault(precision, place)
    return found


def choose_graph(
    names: Iterable[str], manifest: Manifest, precision: str | None, where: object
) -> tuple[str, str]:
    """Give the name of the graph to load, and its precision.

    Args:
        names: Of the model's files, folders set off by "/".
        manifest: What the model's rerank_core.json says.
        precision: The one that was asked for, or None.
        where: Directory or hub id, for messages.

    Raises:
        ModelError: There is no graph, none of this precision, or a choice is needed.
    """
    there = graphs_among(names, manifest)
    if not there:
        raise ModelError(
            f"{where} has no ONNX graph: looked for model.onnx and its fp16 and int8 variants there "
            f"and in onnx/. `rerank-core prepare {where} OUT` makes one from the model's weights "
            '(pip install "rerank-core[export]")'
        )
    if precision is not None and precision not in there:
        raise ModelError(f"{where} has no {precision} graph, only {', '.join(there)}")
    if precision is None and len(there) > 1 and "fp32" not in there:
        raise ModelError(f"{where} has graphs for {', '.join(there)}: choose a precision")
    chosen = precision or ("fp32" if "fp32" in there else next(iter(there)))
    return there[chosen], chosen


def data_of(graph: str, names: Iterable[str]) -> list[str]:
    """Give those names that hold a graph's external data: beside it, its name plus a suffix."""
    path = PurePosixPath(graph)
    starts = (f"{path.name}_data", f"{path.name}.data")
    return sorted(
        name
        for name in names
        if PurePosixPath(name).parent == path.parent and PurePosixPath(name).name.startswith(starts)
    )


def is_pickle(name: str) -> bool:
    """Tell whether a file of this name may hold a pickle, which runs code when it is read."""
    return PurePosixPath(name).suffix.lower() in _PICKLES
