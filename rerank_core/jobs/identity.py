"""What decides the bits of a score, apart from its texts."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rerank_core.models.manifest import digest

if TYPE_CHECKING:
    from rerank_core.reranker import Reranker

__all__ = ["made_by"]


def made_by(reranker: Reranker) -> dict[str, Any]:
    """Tell which model scores, by the hash of its files, and how."""
    info = reranker.info
    directory = Path(info.path)
    files = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file() and (path.suffix == ".json" or ".onnx" in path.name):
            files.update(f"{path.relative_to(directory)} {digest(path)}\n".encode())
    return {
        "model": files.hexdigest(),
        "precision": info.precision,
        "provider": info.provider,
        "max_length": info.max_length,
        "raw_scores": info.raw_scores,
        "versions": {"rerank-core": version("rerank-core"), "onnxruntime": info.onnxruntime},
    }
