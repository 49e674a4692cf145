"""From a model's name to the files of its weights, checked before anything is loaded."""

from __future__ import annotations

import hashlib
import json
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

__all__ = ["BUNDLED", "PRECISIONS", "ModelFiles", "find", "verify"]

BUNDLED = "bundled"
_BUNDLED_DIRECTORY = Path(__file__).parent / "bundled"

# File names of exported graphs, by precision, as optimum and the hub's ONNX repositories use them;
# each in the directory itself or in onnx/.
PRECISIONS = {
    "fp32": ("model.onnx",),
    "fp16": ("model_fp16.onnx",),
    "int8": ("model_int8.onnx", "model_quantized.onnx"),
}
_MANIFEST = "rerank_core.json"  # a prepared directory says what it holds
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
        max_batch_rows: Rows a batch may have for scores not to depend on it, or None.
        sha256: Hash of each file that `verify` compares, by name.
    """

    name: str
    directory: Path
    graph: Path
    tokenizer: Path
    precision: str
    max_length: int
    max_batch_rows: int | None
    sha256: dict[str, str]


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
    manifest = _read_manifest(directory)
    config = _read_json(_need(directory, "config.json"))
    tokenizer = _need(directory, "tokenizer.json")
    graph, found_precision = _find_graph(directory, manifest, precision)
    return ModelFiles(
        name=name,
        directory=directory,
        graph=graph,
        tokenizer=tokenizer,
        precision=found_precision,
        max_length=_max_length(directory, config),
        max_batch_rows=manifest.get("max_batch_rows"),
        sha256=manifest.get("sha256", {}),
    )


def verify(files: ModelFiles) -> None:
    """Compare every file that a prepared directory lists with the hash written when it was made.

    Raises:
        ModelError: A file is missing, truncated or was changed.
    """
    for name, expected in files.sha256.items():
        digest = hashlib.sha256()
        with _need(files.directory, name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != expected:
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, RecursionError, ValueError) as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} must hold a JSON object, not {type(value).__name__}")
    return value


def _read_manifest(directory: Path) -> dict[str, Any]:
    """Read what a prepared directory says of itself; nothing where it says nothing."""
    path = directory / _MANIFEST
    if not path.exists():
        return {}
    manifest = _read_json(path)
    rows = manifest.get("max_batch_rows", 1)
    sha256 = manifest.get("sha256", {})
    problem = None
    if "graph" in manifest and not _is_inside(manifest["graph"]):
        problem = "graph must name a file in the directory"
    elif "graph" in manifest and str(manifest.get("precision")) not in PRECISIONS:
        problem = f"precision must be one of {', '.join(PRECISIONS)}"
    elif type(rows) is not int or rows < 1:
        problem = "max_batch_rows must be a whole number of at least 1"
    elif not isinstance(sha256, dict) or not all(
        _is_inside(name) and isinstance(value, str) for name, value in sha256.items()
    ):
        problem = "sha256 must give a hash for names of files in the directory"
    if problem is not None:
        raise ModelError(f"{path}: {problem}")
    return manifest


def _is_inside(name: Any) -> bool:
    return isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts


def _find_graph(
    directory: Path, manifest: dict[str, Any], precision: str | None
) -> tuple[Path, str]:
    there = {
        kind: path
        for kind, names in PRECISIONS.items()
        for name in reversed(names)
        for path in (directory / "onnx" / name, directory / name)
        if path.is_file()
    }
    if "graph" in manifest:
        there = {manifest["precision"]: _need(directory, manifest["graph"])}
    if not there:
        raise ModelError(
            f"{directory} has no ONNX graph: looked for {PRECISIONS['fp32'][0]} and its fp16 and "
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
        declared = _read_json(path).get("model_max_length")
        # Files without a limit say 1e30.
        if isinstance(declared, int) and 0 < declared < 1 << 31:
            limits.append(declared)
    return min(limits, default=_DEFAULT_MAX_LENGTH)
