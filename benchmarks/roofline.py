"""What this machine's matrix products reach, and how many of them a model needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks import harness
from rerank_core._cpu import available_cpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.graphs import Shape

SIZE = 1536
PRODUCTS, ROUNDS = 4, 7


def rates() -> dict[str, dict[str, float]]:
    """Give GFLOP/s of square products on all cores: fp32 by NumPy's BLAS and by ONNX Runtime, int8 by the latter."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, SIZE, SIZE), np.float32)
    small = rng.integers(0, 255, (SIZE, SIZE)).astype(np.uint8)
    weights = rng.integers(-127, 127, (SIZE, SIZE)).astype(np.int8)
    fp32, int8 = _session("MatMul", a, b), _session("MatMulInteger", small, weights)
    seconds = harness.interleaved(
        {
            "fp32, NumPy": lambda: [a @ b for _ in range(PRODUCTS)],
            "fp32": lambda: [fp32.run(None, {"a": a}) for _ in range(PRODUCTS)],
            "int8": lambda: [int8.run(None, {"a": small}) for _ in range(PRODUCTS)],
        },
        ROUNDS,
    )
    return {
        name: harness.summary([PRODUCTS * 2 * SIZE**3 / 1e9 / each for each in times])
        for name, times in seconds.items()
    }


def fastest_fp32() -> dict[str, float]:
    """Give GFLOP/s of the faster of the two libraries: a BLAS may know less of a processor than the other."""
    found = rates()
    return max(found["fp32, NumPy"], found["fp32"], key=lambda rate: rate["median"])


def _session(
    operator: str, a: NDArray[np.generic], b: NDArray[np.generic]
) -> onnxruntime.InferenceSession:
    """One product with a constant, as layers have it: the constant is packed beforehand."""
    kinds = {"MatMul": TensorProto.FLOAT, "MatMulInteger": TensorProto.INT32}
    graph = helper.make_graph(
        [helper.make_node(operator, ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)],
        [helper.make_tensor_value_info("c", kinds[operator], a.shape)],
        [numpy_helper.from_array(b, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cpus()
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def gflop(
    shape: Shape,
    rows: NDArray[np.int64],
    *,
    last: Literal["all tokens", "first token", "absorbed"],
) -> float:
    """Give the products of a BERT on rows of these lengths, without padding.

    Args:
        shape: The model's.
        rows: Tokens of each.
        last: What is left of the last layer: in models that are prepared for CUDA keys and values of all
            tokens, and the rest for the first; on a CPU these are absorbed into its query.
    """

    def layer(queries: NDArray[np.int64], keys: NDArray[np.int64], seen: int) -> float:
        linear = (10 * queries + 2 * keys) * 2 * shape.hidden**2
        return float((linear + 4 * queries * rows * seen).sum())

    one = np.ones_like(rows)
    ends = {
        "all tokens": layer(rows, rows, shape.hidden),
        "first token": layer(one, rows, shape.hidden),
        "absorbed": layer(one, one, shape.heads * shape.hidden),
    }
    return ((shape.layers - 1) * layer(rows, rows, shape.hidden) + ends[last]) / 1e9
