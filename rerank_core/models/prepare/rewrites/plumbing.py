"""What a graph computes about shapes alone, said once instead of in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rerank_core.models.prepare.graphs import constant, given
from rerank_core.models.prepare.trials import run, shapes

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from rerank_core.models.prepare.sampler import Sampler

    Shapes = list[tuple[int, ...]]

__all__ = ["fix_shapes"]

_LARGEST = 64  # elements of a value that is taken for one about shapes


def fix_shapes(model: ir.Model, sampler: Sampler) -> None:
    """Make constants of what is the same in runs of all sizes, and drop reshapes that do nothing.

    A value counts if it follows from shapes alone, so that only the size of a run could change it; the
    shortest and the longest row are among them.
    Reshape gets a constant shape where one with 0 (as it was) and -1 (the rest) says the same.
    """
    about_shapes = _about_shapes(model)
    reshapes = [node for node in model.graph if node.op_type in ("Reshape", "Expand")]
    ends = {value for node in reshapes for value in (node.inputs[0], *node.outputs)}
    made = sorted(str(given(value).name) for value in ends if given(value).producer() is not None)
    feeds = [sampler(model, *size) for size in sampler.sizes]
    found = shapes(model, feeds, made)
    fed = [{name: value.shape for name, value in each.items()} for each in feeds]
    sizes = [{**each, **inner} for each, inner in zip(fed, found, strict=True)]
    runs = run(model, feeds, [str(value.name) for value in about_shapes])

    for value in about_shapes:
        seen = [each[str(value.name)] for each in runs]
        if seen[0].size <= _LARGEST and all(np.array_equal(seen[0], other) for other in seen):
            value.replace_all_uses_with(constant(model, f"{value.name}_fixed", seen[0]))
    for node in reshapes:
        data, result = given(node.inputs[0]), node.outputs[0]
        if str(data.name) not in sizes[0] or result.is_graph_output():
            continue
        before, after = ([each[str(v.name)] for each in sizes] for v in (data, result))
        if before == after:
            result.replace_all_uses_with(data)
        elif node.op_type == "Reshape" and (shape := _fixed_shape(before, after)) is not None:
            node.replace_input_with(1, constant(model, f"{result.name}_shape", shape))
            node.attributes.pop("allowzero", None)


def _about_shapes(model: ir.Model) -> list[ir.Value]:
    """Give the values that follow from Shape nodes and constants."""
    found: dict[ir.Value, None] = {}
    for node in model.graph:
        inputs = [value for value in node.inputs if value is not None]
        if node.op_type == "Shape" or (
            any(value in found for value in inputs)
            and all(value in found or value.const_value is not None for value in inputs)
        ):
            found.update(dict.fromkeys(node.outputs))
    return list(found)


def _fixed_shape(before: Shapes, after: Shapes) -> NDArray[np.int64] | None:
    """Give the shape that reshapes every run alike, or None if constants cannot say it."""
    shape = []
    for axis, sizes in enumerate(zip(*after, strict=True)):
        if len(set(sizes)) == 1:
            shape.append(sizes[0])
        elif all(old[axis : axis + 1] == (size,) for old, size in zip(before, sizes, strict=True)):
            shape.append(0)
        else:
            shape.append(-1)
    return np.array(shape, np.int64) if shape.count(-1) <= 1 else None
