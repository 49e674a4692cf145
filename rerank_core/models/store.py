"""From a model's name to the files of its weights, checked before anything is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rerank_core.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    ModelError,
    NotFoundError,
)
from rerank_core.models.manifest import PRECISIONS, Manifest, digest, read_json

__all__ = ["BUNDLED", "ModelFiles", "find", "verify"]

BUNDLED = "bundled"
_BUNDLED_DIRECTORY = Path(__file__).parent / "bundled"

# File names of exported graphs, by precision, as optimum and the hub's ONNX repositories use them;
# each in the directory itself or in onnx/.
_GRAPHS = {
    "fp32": ("model.onnx",),
    "fp16": ("model_fp16.onnx",),
    "int8": ("model_int8.onnx", "model_quantized.onnx"),
}
# Positions of these start at pad_token_id + 1, so their table is longer than a row may be.
_OFFSET_POSITIONS = frozenset(
    {"camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl", "xmod"}
)
_DEFAULT_MAX_LENGTH = 512


@dataclass(frozen=True)
class ModelFiles:
    """The weights of one model and what its files say of them.

    Attributes:
        name: What was asked for.
        directory: Where it is.
        graph: The ONNX file.
        tokenizer: The tokenizer.json.
        precision: Of the graph.
        max_length: Tokens a row may have, special tokens included.
        manifest: What a prepared directory says of itself.
    """

    name: str
    directory: Path
    graph: Path
    tokenizer: Path
    precision: str
    max_length: int
    manifest: Manifest


def find(model: str | os.PathLike[str], precision: str | None = None) -> ModelFiles:
    """Find the weights of a model.

    Args:
        model: ``"bundled"``, or a directory: config.json, tokenizer.json and an ONNX graph
            (model.onnx or onnx/model.onnx; model_fp16.onnx, model_int8.onnx, model_quantized.onnx).
        precision: "fp32", "fp16" or "int8"; None takes what a prepared directory declares, else
            fp32 where there is one, else the only one there is.

    Raises:
        NotFoundError: There is no such model.
        ModelError: A file is missing, empty, or not what its name says.
        InvalidArgumentError: No such precision exists.
    """
    if precision is not None and not isinstance(precision, str):
        raise InvalidTypeError(f"precision must be a string, got {type(precision).__name__}")
    if precision is not None and precision not in PRECISIONS:
        raise InvalidArgumentError(
            f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}"
        )
    if not isinstance(model, (str, os.PathLike)):
        raise InvalidTypeError(f"model must be a string or a path, got {type(model).__name__}")
    name = os.fspath(model)
    if not name:
        raise InvalidArgumentError("model must not be empty")
    directory = _BUNDLED_DIRECTORY if name == BUNDLED else Path(name)
    try:
        directory = directory.expanduser()
        there = directory.is_dir()
    except (OSError, RuntimeError, ValueError):  # a name that is no path at all
        there = False
    if not there:
        raise NotFoundError(
            f"Model '{name}' not found: it is neither '{BUNDLED}' nor a directory here. Download "
            "a model first and give its directory"
        )
    manifest = Manifest.read(directory)
    config = read_json(_need(directory, "config.json"))
    tokenizer = _need(directory, "tokenizer.json")
    graph, found_precision = _find_graph(directory, manifest, precision)
    return ModelFiles(
        name=name,
        directory=directory,
        graph=graph,
        tokenizer=tokenizer,
        precision=found_precision,
        max_length=manifest.max_length or _max_length(directory, config),
        manifest=manifest,
    )


def verify(files: ModelFiles) -> None:
    """Compare every file that a prepared directory lists with the hash written when it was made.

    Raises:
        ModelError: A file is missing, truncated or was changed.
    """
    for name, expected in files.manifest.sha256.items():
        if digest(_need(files.directory, name)) != expected:
            raise ModelError(
                f"{files.directory / name} is not the file that was prepared (its SHA-256 "
                "differs); it is truncated or was changed: prepare or install the model again"
            )


def _need(directory: Path, name: str) -> Path:
    path = directory / name
    if not path.is_file():
        raise ModelError(
            f"{directory} has no {name}; a model directory holds config.json, tokenizer.json and "
            "an ONNX graph"
        )
    return path


def _find_graph(directory: Path, manifest: Manifest, precision: str | None) -> tuple[Path, str]:
    there = {
        kind: path
        for kind, names in _GRAPHS.items()
        for name in reversed(names)
        for path in (directory / "onnx" / name, directory / name)
        if path.is_file()
    }
    if manifest.graph is not None:
        there = {str(manifest.precision): _need(directory, manifest.graph)}
    if not there:
        raise ModelError(
            f"{directory} has no ONNX graph: looked for {_GRAPHS['fp32'][0]} and its fp16 and "
            "int8 variants there and in onnx/. Export one, for example with optimum-cli export onnx"
        )
    if precision is not None and precision not in there:
        raise ModelError(f"{directory} has no {precision} graph, only {', '.join(there)}")
    if precision is None and len(there) > 1 and "fp32" not in there:
        raise ModelError(f"{directory} has graphs for {', '.join(there)}: choose a precision")
    chosen = precision or ("fp32" if "fp32" in there else next(iter(there)))
    return _checked_graph(there[chosen]), chosen


def _checked_graph(path: Path) -> Path:
    with path.open("rb") as file:
        start = file.read(40)
    if not start:
        raise ModelError(f"{path} is empty; download or export it again")
    if start.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path} is a Git LFS pointer, not the graph; run git lfs pull")
    return path


def _max_length(directory: Path, config: dict[str, Any]) -> int:
    """Give the smaller of what the position table and the tokenizer's own limit allow."""
    limits = []
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and 0 < positions < 1 << 31:
        offset = 0
        if str(config.get("model_type")) in _OFFSET_POSITIONS:
            pad = config.get("pad_token_id")
            offset = (pad if isinstance(pad, int) else 1) + 1
        limits.append(positions - offset)
    path = directory / "tokenizer_config.json"
    if path.exists():
        declared = read_json(path).get("model_max_length")
        # Files without a limit say 1e30.
        if isinstance(declared, int) and 0 < declared < 1 << 31:
            limits.append(declared)
    return min(limits, default=_DEFAULT_MAX_LENGTH)
