"""From what huggingface_hub raises to an error that says what to do."""

from __future__ import annotations

from rerank_core.errors import ModelError, NotFoundError, RerankError

__all__ = ["OfflineError", "UnreachableError", "explanation"]

_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


class UnreachableError(NotFoundError):
    """The hub does not answer: what is in the cache has to do."""


class OfflineError(UnreachableError):
    """It may not be asked."""


_ABSENT = "{model} not found: it is not a directory here, and "
_LOG_IN = "log in (`hf auth login`) or set HF_TOKEN"
# By the name of huggingface_hub's class, a class before those that it comes from.
_KNOWN: tuple[tuple[str, type[RerankError], str], ...] = (
    (
        "GatedRepoError",
        ModelError,
        f"{{model}} is gated: accept its terms on the hub, then {_LOG_IN}",
    ),
    ("RevisionNotFoundError", NotFoundError, "{model} has no revision '{revision}' on the hub"),
    (
        "RepositoryNotFoundError",
        NotFoundError,
        f"{_ABSENT}the hub has no such model, or a private one (then {_LOG_IN})",
    ),
    ("EntryNotFoundError", ModelError, "{model}: the hub lists {name}, but does not have it"),
    ("OfflineModeIsEnabled", OfflineError, f"{_ABSENT}HF_HUB_OFFLINE forbids to ask the hub"),
)


def explanation(
    error: Exception, model: str, revision: str | None, name: str | None
) -> RerankError:
    """Give our error for one of huggingface_hub, or of the libraries below it.

    Args:
        error: What was raised.
        model: The hub id.
        revision: Which was asked for, or None.
        name: The file that was asked for, or None for the listing.
    """
    from huggingface_hub import errors  # noqa: PLC0415  (import is light)

    # The cache is asked where the hub does not answer, and misses; the reason is one further down.
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    what = f"Model '{model}'"
    for known, ours, message in _KNOWN:
        if isinstance(error, getattr(errors, known)):
            return ours(message.format(model=what, revision=revision, name=name))
    told = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if name is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return ModelError(f"{what}: {name} cannot be written to the hub's cache: {told}")
        return ModelError(f"{what}: {name} could not be downloaded: {told}")
    status = getattr(getattr(error, "response", None), "status_code", _SERVER_ERROR)
    if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        return UnreachableError(_ABSENT.format(model=what) + f"the hub cannot be reached: {told}")
    return NotFoundError(f"{what} not found: the hub refuses it: {told}")
