"""The rerankers that are compared: each one small file behind one interface, in an environment of its own.

A contender is a library, one of its ways to run a model, and the settings that are searched. Its file
holds a class `Baseline`, which is made and asked by `worker` in a process of the contender's environment;
nothing here imports what only such an environment has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.baselines.padding import Padding


class Baseline(Protocol):
    """What a contender's file offers.

    `scale` says what `score` gives: "logit" or "sigmoid". A file may also have `score_pairs(queries,
    documents, **settings)`, for libraries that take many queries in one call.
    """

    scale: str

    def __init__(self, weights: Path, variant: str, padding: Padding) -> None: ...

    def score(self, query: str, documents: list[str], **settings: Any) -> Sequence[float]: ...


@dataclass(frozen=True)
class Contender:
    """One way to score pairs.

    Attributes:
        module: The file here.
        environment: Below build/peers, made from requirements/ENVIRONMENT.txt; "" is the project's own.
        packages: Whose versions are told.
        variant: What the file is to run.
        settings: Arguments of a call that are searched beside the defaults.
        exact: Whether it computes in fp32, and so must give PyTorch's scores.
    """

    module: str
    environment: str
    packages: tuple[str, ...]
    variant: str = ""
    settings: tuple[dict[str, Any], ...] = ()
    exact: bool = True


def _rows(*sizes: int) -> tuple[dict[str, Any], ...]:
    return tuple({"batch_size": size} for size in sizes)


_ST = ("sentence-transformers", "transformers", "torch")
_ST_ONNX = (*_ST, "optimum-onnx", "onnxruntime")
_ST_OPENVINO = (*_ST, "optimum-intel", "openvino")
OURS = "rerank-core fp32"
REFERENCE = "CrossEncoder torch fp32"
CONTENDERS = {
    OURS: Contender("ours", "", ("onnxruntime",), "fp32"),
    "rerank-core int8": Contender("ours", "", ("onnxruntime",), "int8", exact=False),
    REFERENCE: Contender("cross_encoder", "torch", _ST, "torch float32", _rows(1, 8)),
    "CrossEncoder torch bf16": Contender(
        "cross_encoder", "torch", _ST, "torch bfloat16", _rows(1, 8), exact=False
    ),
    "CrossEncoder ONNX": Contender("cross_encoder", "optimum", _ST_ONNX, "onnx", _rows(1, 8)),
    "CrossEncoder OpenVINO": Contender(
        # OpenVINO picks bf16 by itself where the processor has it.
        "cross_encoder",
        "optimum",
        _ST_OPENVINO,
        "openvino",
        _rows(1, 8),
        exact=False,
    ),
    "CrossEncoder OpenVINO int8": Contender(
        "cross_encoder",
        "optimum",
        (*_ST_OPENVINO, "nncf"),
        "openvino int8",
        _rows(1, 8),
        exact=False,
    ),
    "FlashRank": Contender("flashrank_ranker", "onnx", ("flashrank", "onnxruntime")),
    "fastembed": Contender(
        "fastembed_encoder", "onnx", ("fastembed", "onnxruntime"), settings=_rows(1, 8)
    ),
    "rerankers": Contender(
        "rerankers_ranker",
        "torch",
        ("rerankers", "transformers", "torch"),
        settings=_rows(1, 8),
    ),
    "Infinity torch": Contender(
        "infinity_engine", "infinity", ("infinity-emb", "transformers", "torch"), "torch"
    ),
    "Infinity ONNX": Contender(
        "infinity_engine", "infinity", ("infinity-emb", "optimum", "onnxruntime"), "optimum"
    ),
    "optimum ORTModel": Contender(
        "ort_model", "optimum", ("optimum-onnx", "onnxruntime"), settings=_rows(1, 8)
    ),
}
