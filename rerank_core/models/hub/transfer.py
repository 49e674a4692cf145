"""One repository of the Hugging Face hub: what it lists, and its files, checked as they come."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_core.errors import ModelError, RerankError
from rerank_core.models.hub.errors import explanation
from rerank_core.models.manifest import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Repository"]

_SHA1, _SHA256 = re.compile("[0-9a-f]{40}"), re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Repository:
    """A model of the hub at a revision.

    Attributes:
        model: Its id.
        revision: Branch, tag or commit; None is the hub's main branch.
        endpoint: Where the hub is; None takes huggingface_hub's setting.
        cache_dir: Where its files are kept; None takes huggingface_hub's setting.
    """

    model: str
    revision: str | None = None
    endpoint: str | None = None
    cache_dir: Path | None = None

    def listing(self) -> tuple[str, list[str]]:
        """Give the commit that the revision is, and the names of its files.

        Raises:
            UnreachableError: The hub does not answer.
            OfflineError: huggingface_hub's offline mode is set.
            NotFoundError: There is no such model or revision.
        """
        from huggingface_hub import HfApi  # noqa: PLC0415  (import is light)

        with self._explained():
            info = HfApi(endpoint=self.endpoint).model_info(self.model, revision=self.revision)
        names = [file.rfilename for file in info.siblings or ()]
        return str(info.sha), names

    def pin(self, name: str, commit: str) -> bool:
        """Let the cache know which commit the revision is, by one file; False if it moved on."""
        path = self._cached(name, self.revision or "main")
        if path is None or _commit_of(path, name) != commit:
            path = self._download(name, self.revision)
        return _commit_of(path, name) == commit

    def get(self, name: str, commit: str) -> Path:
        """Give a file of a commit, from the cache or else from the hub.

        Raises:
            ModelError: It could not be downloaded whole, or is not what the hub says it is.
        """
        return self._cached(name, commit) or self._download(name, commit)

    def snapshot(self) -> Path | None:
        """Give the directory of the revision in the cache, or None; it may lack files."""
        path = self._cached("config.json", self.revision or "main")
        return None if path is None else path.parent

    def _cached(self, name: str, revision: str) -> Path | None:
        from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415  (import is light)

        found = try_to_load_from_cache(
            self.model, name, cache_dir=self.cache_dir, revision=revision
        )
        return Path(found) if isinstance(found, str) else None

    def _download(self, name: str, revision: str | None) -> Path:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415  (import is light)

        with self._explained(name):
            path = Path(
                hf_hub_download(
                    self.model,
                    name,
                    revision=revision,
                    endpoint=self.endpoint,
                    cache_dir=self.cache_dir,
                )
            )
            _check(path, f"Model '{self.model}': {name}")
        return path

    @contextmanager
    def _explained(self, name: str | None = None) -> Iterator[None]:
        try:
            yield
        except RerankError:
            raise
        except Exception as error:
            # Of any class: each version of huggingface_hub has an HTTP library with its own.
            raise explanation(error, self.model, self.revision, name) from error


def _commit_of(path: Path, name: str) -> str:
    """Give the commit of a cached file, which is the name of its snapshot's directory."""
    return path.parents[name.count("/")].name


def _check(path: Path, what: str) -> None:
    """Compare a file that has just come with its hash, and delete it if it differs.

    huggingface_hub compares sizes only. The cache's name of a file is what the hub gave as its
    ETag: the SHA-256 of a large file, Git's SHA-1 of another. Where the cache has no links (Windows
    without developer mode) there is no such name, and nothing is compared here.
    """
    if not path.is_symlink():
        return
    blob = path.parent / path.readlink()
    expected = blob.name
    if _SHA256.fullmatch(expected):
        found = digest(path)
    elif _SHA1.fullmatch(expected):
        content = path.read_bytes()
        found = hashlib.sha1(
            b"blob %d\0" % len(content) + content, usedforsecurity=False
        ).hexdigest()
    else:
        return
    if found != expected:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise ModelError(
            f"{what} came damaged: its hash is {found}, and the hub says {expected}. It was deleted; "
            "try again"
        )
