"""API keys: who may ask. Only their digests are kept, and none is ever printed."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rerank_core.errors import InvalidArgumentError
from rerank_core.serving.refusals import UnauthenticatedError
from rerank_core.serving.settings import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rerank_core.serving.settings import Settings

__all__ = ["ApiKeys"]

VARIABLE = ENVIRONMENT + "API_KEYS"
# Each provider's own header; Authorization is read apart.
_HEADERS = ("api-key", "x-portkey-api-key")
# Amazon's clients sign; no secret is shared here to check that by, so their access key's id is the key.
_CREDENTIAL = re.compile(r"\bCredential=([^/,\s]+)/")


class ApiKeys:
    """The keys that are good here; with none of them anybody may ask.

    Args:
        keys: As clients send them.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._digests = [_digest(key) for key in keys]

    @classmethod
    def load(cls, settings: Settings, environment: Mapping[str, str]) -> ApiKeys:
        """Read the file of the settings and the environment (RERANK_CORE_API_KEYS, with commas).

        Raises:
            InvalidArgumentError: The file cannot be read, or asks for keys and holds none.
        """
        keys = [key.strip() for key in environment.get(VARIABLE, "").split(",")]
        if settings.api_keys_file is not None:
            try:
                lines = Path(settings.api_keys_file).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is not UTF-8"
                raise InvalidArgumentError(
                    f"api_keys_file: {settings.api_keys_file} cannot be read: {why}"
                ) from None
            keys += [line.strip() for line in lines if not line.lstrip().startswith("#")]
        keys = [key for key in keys if key]
        if not keys and (settings.api_keys_file is not None or VARIABLE in environment):
            raise InvalidArgumentError(
                f"api_keys_file, {VARIABLE}: keys are asked for, but none is there"
            )
        return cls(keys)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise UnauthenticatedError unless one of these headers holds a good key."""
        if not self._digests:
            return
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        shown = [headers[name] for name in _HEADERS if name in headers]
        if scheme.lower() == "bearer":
            shown.append(bearer.strip())
        elif signed := _CREDENTIAL.search(bearer):
            shown.append(signed[1])
        if not any([self.knows(key) for key in shown]):  # noqa: C419  (all are compared, always)
            raise UnauthenticatedError

    def knows(self, key: str) -> bool:
        """Tell whether a key is good, in a time that does not say how nearly it was."""
        digest = _digest(key)
        return any([hmac.compare_digest(digest, known) for known in self._digests])  # noqa: C419


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
