"""Which dialect a request is in: by its path, then by its headers, then by its fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from rerank_core.errors import InvalidArgumentError
from rerank_core.serving.dialects import DIALECTS
from rerank_core.serving.dialects.dialect import Lookup
from rerank_core.serving.refusals import MethodNotAllowedError, NoSuchPathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rerank_core.serving.dialects.dialect import Dialect, Operation

__all__ = ["Place", "Router"]

# Where several dialects may be meant and nothing tells them apart, the first of these is.
_PREFERRED = {
    # What all of Apertis's, Cohere's and Jina's clients send and read; then what two of them do.
    "/v1/rerank": ("apertis", "cohere-v1"),
    "/v2/rerank": ("cohere-v2",),
}
# Base URLs are given with and without their version; so a server of one dialect takes all of these.
_RERANK = ("/rerank", "/v1/rerank", "/v2/rerank")


@dataclass(frozen=True)
class Place:
    """What may answer at a path.

    Attributes:
        dialect: Whose it is.
        action: What it does.
        name: What stands for ``{name}`` in the path of a look-up.
    """

    dialect: Dialect
    action: Operation | Lookup
    name: str = ""


class Router:
    """The paths of all dialects, or of one.

    Each dialect is also found below its name, as /cohere-v2/v2/rerank, where it is the only one.

    Args:
        pinned: Name of the only dialect; None serves all.

    Raises:
        InvalidArgumentError: There is no dialect of this name.
    """

    def __init__(self, pinned: str | None = None) -> None:
        if pinned is not None and pinned not in DIALECTS:
            raise InvalidArgumentError(
                f"dialect: must be one of {', '.join(DIALECTS)}, got '{pinned}'"
            )
        self._dialects = DIALECTS if pinned is None else {pinned: DIALECTS[pinned]}

    def places(self, method: str, path: str) -> list[Place]:
        """Give what may answer.

        Raises:
            NoSuchPathError: Nothing does.
            MethodNotAllowedError: Something does, with another method.
        """
        wanted = _canonical(path)
        first, slash, rest = wanted[1:].partition("/")
        if first in self._dialects and slash:
            found = _of_one(self._dialects[first], slash + rest)
        elif len(self._dialects) == 1:
            found = _of_one(next(iter(self._dialects.values())), wanted)
        else:
            found = list(_exact(self._dialects.values(), wanted))
        if not found:
            raise NoSuchPathError(f"Nothing is served at {path[:200]}")
        method = "GET" if method == "HEAD" else method
        here = [place for place in found if _method(place) == method]
        if not here:
            raise MethodNotAllowedError(
                method, path[:200], tuple(sorted({_method(place) for place in found}))
            )
        return here[:1] if method == "GET" else here

    def choose(
        self, places: list[Place], path: str, headers: Mapping[str, str], body: Mapping[str, Any]
    ) -> Place:
        """Give the one place that is meant.

        Raises:
            InvalidArgumentError: It cannot be told.
        """
        left = by_marks(places, headers, body)
        if len(left) > 1:
            left = _by_fields(left, body)
        if len(left) == 1:
            return left[0]
        by_name = {place.dialect.name: place for place in left}
        for name in _PREFERRED.get(_canonical(path), ()):
            if name in by_name:
                return by_name[name]
        names = ", ".join(by_name)
        raise InvalidArgumentError(
            f"This request may be meant for {names}. Send it to /NAME{_canonical(path)} with one of "
            "these names, send the provider's own header (Api-Key for pinecone), or start the server "
            "with --dialect NAME."
        )


def by_marks(
    places: list[Place], headers: Mapping[str, str], body: Mapping[str, Any]
) -> list[Place]:
    """Keep the places whose clients' marks the request bears; where it bears none, the unmarked."""
    if len(places) == 1:
        return places
    for seen in ({}, body):  # headers say more than a body, whose fields may be another's too
        marked = [place for place in places if place.dialect.recognises(headers, seen)]
        if marked:
            return marked
    return [place for place in places if not place.dialect.only_marked]


def _by_fields(places: list[Place], body: Mapping[str, Any]) -> list[Place]:
    """Keep the places that know every field, and miss none."""
    fields = [
        {
            field.encode_name: field.required
            for field in msgspec.structs.fields(place.action.request)
        }
        for place in places
        if not isinstance(place.action, Lookup)
    ]
    whole = [
        (place, known)
        for place, known in zip(places, fields, strict=True)
        if body.keys() >= {name for name, required in known.items() if required}
    ]
    knowing = [place for place, known in whole if body.keys() <= known.keys()]
    return knowing or [place for place, _ in whole] or places


def _canonical(path: str) -> str:
    """Give the path without doubled slashes, without one at the end, and with one version at most."""
    path = re.sub(r"/{2,}", "/", path)
    path = re.sub(r"/v1(?=/v[12]/)", "", path)
    return path.rstrip("/") or "/"


def _method(place: Place) -> str:
    return "GET" if isinstance(place.action, Lookup) else "POST"


def _exact(dialects: Iterable[Dialect], path: str) -> Iterable[Place]:
    for dialect in dialects:
        for operation in dialect.operations:
            if path in operation.paths:
                yield Place(dialect, operation)
        for lookup in dialect.lookups:
            before, variable, _ = lookup.path.partition("{name}")
            if path == lookup.path:
                yield Place(dialect, lookup)
            elif variable and path.startswith(before) and len(path) > len(before):
                yield Place(dialect, lookup, path[len(before) :])


def _of_one(dialect: Dialect, path: str) -> list[Place]:
    found = list(_exact([dialect], path))
    if not found and path in _RERANK:
        found = [Place(dialect, dialect.operations[0])]
    return found
