"""From a model's name to the files of its weights, checked before anything is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from rerank_core.errors import (
    InvalidArgumentError,
    InvalidTypeError,
    ModelError,
    NotFoundError,
)
from rerank_core.models.hub import checked_revision, download_model, is_hub_id
from rerank_core.models.layout import GRAPH_NAMES, choose_graph
from rerank_core.models.manifest import PRECISIONS, Manifest, check_is_there, digest
from rerank_core.models.traits import Traits

__all__ = ["BUNDLED", "ModelFiles", "find", "locate", "verify"]

BUNDLED = "bundled"
_BUNDLED_DIRECTORY = Path(__file__).parent / "bundled"


@dataclass(frozen=True)
class ModelFiles:
    """The weights of one model and what its files say of them.

    Attributes:
        name: What was asked for.
        directory: Where it is.
        graph: The ONNX file.
        tokenizer: The tokenizer.json.
        precision: Of the graph.
        traits: What the files say of the model; where a manifest says otherwise, that.
        manifest: What a prepared directory says of itself.
    """

    name: str
    directory: Path
    graph: Path
    tokenizer: Path
    precision: str
    traits: Traits
    manifest: Manifest

    @property
    def max_length(self) -> int:
        """Tokens a row may have, special tokens included."""
        return self.traits.max_length


def find(
    model: str | os.PathLike[str], precision: str | None = None, revision: str | None = None
) -> ModelFiles:
    """Find the weights of a model, and download them if they are those of a hub id.

    Args:
        model: ``"bundled"``; or a directory: config.json, tokenizer.json and an ONNX graph
            (model.onnx or onnx/model.onnx; model_fp16.onnx, model_int8.onnx, model_quantized.onnx);
            or a hub id, whose repository has the same files.
        precision: "fp32", "fp16" or "int8"; None takes what a prepared directory declares, else
            fp32 where there is one, else the only one there is.
        revision: Branch, tag or commit of a hub id; None takes its main branch.

    Raises:
        NotFoundError: There is no such model.
        ModelError: A file is missing, empty, or not what its name says.
        InvalidArgumentError: No such precision exists, or a directory has no revisions.
    """
    if precision is not None and not isinstance(precision, str):
        raise InvalidTypeError(f"precision must be a string, got {type(precision).__name__}")
    if precision is not None and precision not in PRECISIONS:
        raise InvalidArgumentError(
            f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}"
        )
    checked_revision(revision)
    directory = locate(model)
    name = os.fspath(model)
    if directory is None:
        directory = download_model(name, precision, revision)
    elif revision is not None:
        raise InvalidArgumentError(
            f"revision is for models of the hub; '{name}' is on this machine, got {revision!r}"
        )
    manifest = Manifest.read(directory)
    _need(directory, "config.json")
    tokenizer = _need(directory, "tokenizer.json")
    there = [place for place in GRAPH_NAMES if (directory / place).is_file()]
    name_of_graph, found_precision = choose_graph(there, manifest, precision, directory)
    traits = Traits.read(directory)
    graph = _need(directory, name_of_graph)
    check_is_there(graph, "graph", "download or export")
    return ModelFiles(
        name=name,
        directory=directory,
        graph=graph,
        tokenizer=tokenizer,
        precision=found_precision,
        traits=replace(
            traits,
            max_length=manifest.max_length or traits.max_length,
            activation=manifest.activation or traits.activation,
        ),
        manifest=manifest,
    )


def locate(model: str | os.PathLike[str]) -> Path | None:
    """Give the directory of a model that is on this machine, or None for a hub id; asks no hub.

    Raises:
        NotFoundError: It is neither, nor could it be.
        InvalidArgumentError, InvalidTypeError: It is no name.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise InvalidTypeError(f"model must be a string or a path, got {type(model).__name__}")
    name = os.fspath(model)
    if not isinstance(name, str):
        raise InvalidTypeError(f"model must be a string or a path, got {type(name).__name__}")
    if not name:
        raise InvalidArgumentError("model must not be empty")
    if name == BUNDLED:
        return _BUNDLED_DIRECTORY
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            return path
        there = path.exists()
    except (OSError, RuntimeError, ValueError):  # a name that is no path at all
        there = False
    if there:
        raise NotFoundError(f"Model '{name}' not found: it is a file; give its directory")
    if isinstance(model, str) and is_hub_id(name):
        return None
    raise NotFoundError(
        f"Model '{name}' not found: it is neither '{BUNDLED}' nor a directory here, and no hub id "
        "('name' or 'organization/name')"
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
