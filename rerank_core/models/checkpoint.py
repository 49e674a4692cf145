"""A PyTorch checkpoint in the Hugging Face layout, looked through before anything of it is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rerank_core.errors import ModelError, NotFoundError
from rerank_core.models.manifest import check_is_there, read_json

__all__ = ["Checkpoint", "read"]

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
# What transformers makes a tokenizer.json from.
_TOKENIZER_SOURCES = ("vocab.txt", "vocab.json", "*.model")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that can be loaded without running code out of it.

    Attributes:
        directory: Where it is.
        architecture: What config.json calls the model: its class, or else its type.
        model_type: The `model_type` of config.json.
        weights: Its safetensors files.
        tokenizer: Its tokenizer.json; None where one has to be made of its other files.
    """

    directory: Path
    architecture: str
    model_type: str
    weights: tuple[Path, ...]
    tokenizer: Path | None


def read(directory: Path) -> Checkpoint:
    """Look through a checkpoint's directory.

    Raises:
        NotFoundError: There is no such directory.
        ModelError: A file is missing or broken, or loading would take code, a pickle or an adapter.
    """
    if not directory.is_dir():
        raise NotFoundError(f"Checkpoint '{directory}' not found: it is not a directory here")
    path = directory / "config.json"
    if not path.is_file():
        raise ModelError(
            f"{directory} has no config.json; a checkpoint holds config.json, {_WEIGHTS} and "
            "tokenizer.json"
        )
    config = read_json(path)
    architecture = _architecture(config)
    _refuse_code(path, config, architecture)
    if config.get("quantization_config"):
        raise ModelError(
            f"{path}: the weights of {architecture} are quantized (quantization_config); export the "
            "checkpoint that they were made from"
        )
    if (directory / "adapter_config.json").exists():
        raise ModelError(
            f"{directory} holds an adapter (adapter_config.json), which would be left out; merge it "
            "into its base model and save that"
        )
    return Checkpoint(
        directory=directory,
        architecture=architecture,
        model_type=str(config.get("model_type")),
        weights=_weights(directory),
        tokenizer=_tokenizer(directory),
    )


def _architecture(config: dict[str, Any]) -> str:
    named = config.get("architectures")
    if isinstance(named, list) and named:
        return str(named[0])
    return str(config.get("model_type"))


def _refuse_code(path: Path, config: dict[str, Any], architecture: str) -> None:
    code = config.get("auto_map")
    if not code:
        return
    files = ", ".join(sorted(map(str, code.values()))) if isinstance(code, dict) else str(code)
    raise ModelError(
        f"{path}: {architecture} needs Python code of its repository (auto_map: {files}), which is "
        "never run here. If the repository has an ONNX graph, prepare that instead; if transformers "
        "knows this architecture itself, remove auto_map from a copy of config.json"
    )


def _weights(directory: Path) -> tuple[Path, ...]:
    single, index = directory / _WEIGHTS, directory / _INDEX
    if single.is_file():
        paths: tuple[Path, ...] = (single,)
    elif index.is_file():
        paths = _shards(index)
    else:
        pickles = sorted(path.name for kind in _PICKLES for path in directory.glob(kind))
        remedy = "download the checkpoint again"
        if pickles:
            remedy = (
                f"it has {', '.join(pickles)}, but a pickle can run code and is never loaded: save "
                "the model again with save_pretrained(safe_serialization=True)"
            )
        raise ModelError(f"{directory} has no {_WEIGHTS} and no {_INDEX}; {remedy}")
    for path in paths:
        _check_weights(path)
    return paths


def _shards(index: Path) -> tuple[Path, ...]:
    named = read_json(index).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise ModelError(f"{index} has no weight_map that says which file holds which tensor")
    names = sorted({str(name) for name in named.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(f"{index} names {name!r}, which is no safetensors file beside it")
    return tuple(index.parent / name for name in names)


def _check_weights(path: Path) -> None:
    if not path.is_file():
        raise ModelError(
            f"{path.parent} has no {path.name}, which {_INDEX} names; download it again"
        )
    check_is_there(path, "weights", "download")


def _tokenizer(directory: Path) -> Path | None:
    path = directory / "tokenizer.json"
    if path.is_file():
        return path
    if any(True for kind in _TOKENIZER_SOURCES for _ in directory.glob(kind)):
        return None
    raise ModelError(
        f"{directory} has no tokenizer.json, nor a file to make it of ({', '.join(_TOKENIZER_SOURCES)})"
    )
