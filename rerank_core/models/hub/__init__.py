"""Models of the Hugging Face hub: which files of one are needed, and where they then are.

huggingface_hub does the transfers, keeps the cache, and shows progress. What comes is pinned to one
commit, checked by its hash, and complete before it is used: the graph comes last, behind its data.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from rerank_core.errors import InvalidArgumentError, InvalidTypeError, ModelError, NotFoundError
from rerank_core.models.hub.errors import OfflineError, UnreachableError
from rerank_core.models.hub.transfer import Repository
from rerank_core.models.layout import choose_graph, data_of, is_pickle
from rerank_core.models.manifest import MANIFEST, Manifest, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["checked_revision", "download_checkpoint", "download_model", "is_hub_id"]

_LOG = logging.getLogger("rerank_core")

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_ID = re.compile(rf"(?:{_PART}/)?{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+/-]{0,254}")

_CONFIG, _TOKENIZER, _TOKENIZER_CONFIG = "config.json", "tokenizer.json", "tokenizer_config.json"
_TOKENIZER_FILES = (
    _TOKENIZER,
    _TOKENIZER_CONFIG,
    "added_tokens.json",
    "merges.txt",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
)
_SAFETENSORS, _SHARDS = "model.safetensors", "model.safetensors.index.json"
_ATTEMPTS = 3


def is_hub_id(name: str) -> bool:
    """Tell whether a name has the form of a hub id, ``name`` or ``organization/name``.

    Example:
        >>> is_hub_id("BAAI/bge-reranker-v2-m3"), is_hub_id("./models/bge"), is_hub_id("a/b/c")
        (True, False, False)
    """
    return bool(_ID.fullmatch(name)) and not re.search(r"--|\.\.|\.git$", name)


def checked_revision(revision: Any) -> str | None:
    """Give the revision if it has the form of a branch, tag or commit.

    Raises:
        InvalidTypeError: It is not a string.
        InvalidArgumentError: It names nothing that a repository can have.
    """
    if revision is None:
        return None
    if not isinstance(revision, str):
        raise InvalidTypeError(f"revision must be a string, got {type(revision).__name__}")
    # It becomes a path in the cache.
    if not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
        raise InvalidArgumentError(f"revision must be a branch, tag or commit, got {revision!r}")
    return revision


def download_model(
    model: str,
    precision: str | None = None,
    revision: str | None = None,
    *,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Give a directory in the hub's cache with what it takes to run a model, downloaded if need be.

    Args:
        model: Hub id.
        precision: Of the graph that is needed, or None, as `find` takes it.
        revision: Branch, tag or commit; None is the main branch as it is now.
        endpoint: Where the hub is; None takes huggingface_hub's setting.
        cache_dir: Where files are kept; None takes huggingface_hub's setting.

    Returns:
        The snapshot of one commit. Where the hub does not answer, or offline mode is set: the one
        that was last downloaded, if it is whole.

    Raises:
        NotFoundError: There is no such model or revision, or the hub cannot be asked and the cache
            has not the whole of it.
        ModelError: The model has no graph to run, or its files could not be downloaded whole.
        InvalidArgumentError, InvalidTypeError: The id or the revision cannot be.
    """
    repository = _repository(model, revision, endpoint, cache_dir)

    def check(directory: Path) -> None:
        manifest = Manifest.read(directory)
        graph, _ = choose_graph(_names_in(directory), manifest, precision, model)
        _need((_CONFIG, _TOKENIZER, graph), _names_in(directory), model)

    def files(names: list[str], get: Callable[[str], Path]) -> Iterable[str]:
        manifest = Manifest.read(get(MANIFEST).parent) if MANIFEST in names else Manifest()
        graph, _ = choose_graph(names, manifest, precision, model)
        _need((_CONFIG, _TOKENIZER, graph), names, model)
        wanted = {_TOKENIZER, _TOKENIZER_CONFIG, *manifest.sha256} - {graph}
        return [
            *(name for name in names if name in wanted),
            *data_of(graph, names),
            graph,
        ]

    return _download(repository, files, check)


def download_checkpoint(
    model: str,
    revision: str | None = None,
    *,
    endpoint: str | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Give a directory in the hub's cache with a model's weights, configuration and tokenizer.

    Weights are those in safetensors; a pickle is never asked for. Arguments, returns and errors are
    those of `download_model`.

    Raises:
        ModelError: The model has no weights in safetensors.
    """
    repository = _repository(model, revision, endpoint, cache_dir)

    def check(directory: Path) -> None:
        names = _names_in(directory)
        _need((_CONFIG, *_weights(names, lambda name: directory / name, model)), names, model)

    def files(names: list[str], get: Callable[[str], Path]) -> Iterable[str]:
        weights = _weights(names, get, model)
        _need((_CONFIG, *weights), names, model)
        beside = [name for name in names if name in _TOKENIZER_FILES or _is_sentencepiece(name)]
        return [*beside, *weights]

    return _download(repository, files, check)


def _repository(
    model: str, revision: str | None, endpoint: str | None, cache_dir: Path | None
) -> Repository:
    if not is_hub_id(model):
        raise InvalidArgumentError(
            f"'{model}' is no hub id: that is 'name' or 'organization/name', of letters, digits, "
            "'-', '_' and '.'"
        )
    return Repository(model, checked_revision(revision), endpoint, cache_dir)


def _download(
    repository: Repository,
    files: Callable[[list[str], Callable[[str], Path]], Iterable[str]],
    check: Callable[[Path], None],
) -> Path:
    """Bring what `files` chooses of a listing; without a hub, what the cache has if `check` passes."""
    for _ in range(_ATTEMPTS):
        try:
            commit, names = repository.listing()
        except UnreachableError as error:
            return _from_cache(repository, check, error)
        wanted = files(names, lambda name: repository.get(name, commit))  # noqa: B023  (called here)
        for name in (_CONFIG, *wanted):
            if not is_pickle(name):
                repository.get(name, commit)
        # Last, so that what the cache calls the revision is whole; it may have moved on meanwhile.
        if repository.pin(_CONFIG, commit):
            return repository.get(_CONFIG, commit).parent
    raise ModelError(
        f"Model '{repository.model}' changes on the hub while it is downloaded; try again, or give "
        "a commit as revision"
    )


def _from_cache(
    repository: Repository, check: Callable[[Path], None], error: UnreachableError
) -> Path:
    directory = repository.snapshot()
    if directory is None:
        raise NotFoundError(f"{error}; nor is it in the cache") from error.__cause__
    try:
        check(directory)
    except ModelError as lacking:
        raise NotFoundError(f"{error}; the cache has not all of it: {lacking}") from error.__cause__
    if not isinstance(error, OfflineError):  # which is a wish
        _LOG.warning("%s; using what was downloaded before: %s", error, directory)
    return directory


def _names_in(directory: Path) -> list[str]:
    return [
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    ]


def _need(wanted: Iterable[str], names: list[str], model: str) -> None:
    for name in (_CONFIG, *wanted):
        if name not in names:
            raise ModelError(
                f"{model} has no {name}; a model needs config.json, tokenizer.json and an ONNX graph "
                "or weights in safetensors"
            )


def _weights(names: list[str], get: Callable[[str], Path], model: str) -> list[str]:
    """Give the names of a checkpoint's weights, the file that lists them last."""
    if _SAFETENSORS in names:
        return [_SAFETENSORS]
    if _SHARDS in names:
        listed = read_json(get(_SHARDS)).get("weight_map")
        shards = set(listed.values()) if isinstance(listed, dict) else set()
        if not shards or not all(
            isinstance(name, str) and name.endswith(".safetensors") and "/" not in name
            for name in shards
        ):
            raise ModelError(f"{model}: {_SHARDS} names no weights in safetensors")
        return [*sorted(shards), _SHARDS]
    pickles = [name for name in names if is_pickle(name)]
    if pickles:
        raise ModelError(
            f"{model} has its weights in {pickles[0]} only: a pickle, which could run any code, and "
            "is never loaded here. Weights in safetensors are needed"
        )
    raise ModelError(f"{model} has no {_SAFETENSORS}, and no {_SHARDS} either")


def _is_sentencepiece(name: str) -> bool:
    return name.endswith(".model") and "/" not in name
