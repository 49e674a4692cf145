"""The hub's models that are on this machine already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rerank_core.errors import ModelError
from rerank_core.models.layout import graphs_among
from rerank_core.models.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CachedModel", "cached_models"]


@dataclass(frozen=True)
class CachedModel:
    """A snapshot in the hub's cache that can be ranked with.

    Attributes:
        model: Hub id.
        revision: The commit.
        refs: Branches and tags that it was downloaded as.
        precisions: Of its ONNX graphs.
        size: Bytes on disk.
        directory: Where it is.
    """

    model: str
    revision: str
    refs: tuple[str, ...]
    precisions: tuple[str, ...]
    size: int
    directory: str


def cached_models(cache_dir: Path | None = None) -> list[CachedModel]:
    """List the snapshots in the hub's cache that have an ONNX graph and a tokenizer, by id.

    Args:
        cache_dir: The cache; None takes huggingface_hub's setting.
    """
    from huggingface_hub import CacheNotFound, scan_cache_dir  # noqa: PLC0415  (import is light)

    try:
        repos = scan_cache_dir(cache_dir).repos
    except (CacheNotFound, ValueError):  # nothing was ever downloaded
        return []
    found = []
    for repo in repos:
        for snapshot in repo.revisions if repo.repo_type == "model" else ():
            root = snapshot.snapshot_path
            names = {file.file_path.relative_to(root).as_posix() for file in snapshot.files}
            try:
                graphs = graphs_among(names, Manifest.read(root))
            except ModelError:
                continue
            if not {"config.json", "tokenizer.json", *graphs.values()} <= names or not graphs:
                continue
            found.append(
                CachedModel(
                    repo.repo_id,
                    snapshot.commit_hash,
                    tuple(sorted(snapshot.refs)),
                    tuple(graphs),
                    snapshot.size_on_disk,
                    str(root),
                )
            )
    return sorted(found, key=lambda model: (model.model, model.revision))
