"""What a server refuses before the engine is asked; the same tree as the engine's own errors."""

from __future__ import annotations

from typing import Literal

from rerank_core.errors import InvalidArgumentError, RerankError

__all__ = [
    "BodyError",
    "DocumentLimitError",
    "MethodNotAllowedError",
    "NoSuchPathError",
    "SlowRequestError",
    "StartingError",
    "TooLargeError",
    "UnauthenticatedError",
]


class BodyError(InvalidArgumentError):
    """A body is no JSON, or not of the dialect's shape.

    Args:
        kind: "syntax", or what is wrong with a field: it is "missing", "unknown", or of a bad "value".
        field: Where, as ``documents[0].text``; "" where it is the whole body.
        message: What was wanted and what came.
    """

    def __init__(
        self, kind: Literal["syntax", "missing", "unknown", "value"], field: str, message: str
    ) -> None:
        super().__init__(f"{field}: {message}" if kind == "value" and field else message)
        self.kind = kind
        self.field = field


class DocumentLimitError(InvalidArgumentError):
    """A request has more documents than the server takes."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"Document length '{count}' exceeded documents limit of {limit}")
        self.count = count
        self.limit = limit


class UnauthenticatedError(RerankError):
    """The request has no API key, or one that is not known here."""

    status = 401
    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("Invalid API key.")


class NoSuchPathError(RerankError, LookupError):
    """Nothing is served at this path."""

    status = 404
    code = "NOT_FOUND"


class MethodNotAllowedError(RerankError):
    """The path is served, with other methods.

    Args:
        allowed: These methods.
    """

    status = 405
    code = "UNIMPLEMENTED"

    def __init__(self, method: str, path: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{path} takes {' or '.join(allowed)}, got {method}")
        self.allowed = allowed


class SlowRequestError(RerankError, TimeoutError):
    """The body did not come in time."""

    status = 408
    code = "DEADLINE_EXCEEDED"


class TooLargeError(RerankError, ValueError):
    """The body is larger than the server takes."""

    status = 413
    code = "OUT_OF_RANGE"


class StartingError(RerankError, RuntimeError):
    """The models are not loaded yet, or the server is about to stop."""

    status = 503
    code = "UNAVAILABLE"
    retry_after = 1.0
