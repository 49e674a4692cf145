"""What can go wrong, as one tree.

Each class has the HTTP status and code that Pinecone gives for it, and the built-in base that a
Python caller would catch::

    RerankError                        500 INTERNAL
    ├── InvalidArgumentError           400 INVALID_ARGUMENT     also ValueError
    │   ├── TokenLimitError                                     a pair is too long and may not be cut
    │   ├── MissingFieldError                                   also LookupError
    │   └── UnknownParameterError      422 INVALID_ARGUMENT
    ├── InvalidTypeError               400 INVALID_ARGUMENT     also TypeError
    ├── NotFoundError                  404 NOT_FOUND            also LookupError
    ├── FailedPreconditionError        412 FAILED_PRECONDITION  also RuntimeError
    │   └── ClosedError                                         closed, or made before a fork
    ├── ModelError                     500 INTERNAL             also RuntimeError; its files are bad
    ├── ProviderError                  503 UNAVAILABLE          also RuntimeError; no ONNX Runtime
    ├── EngineError                    500 INTERNAL             also RuntimeError; a run failed
    ├── DeadlineExceededError          504 DEADLINE_EXCEEDED    also TimeoutError
    └── ResourceExhaustedError         429 RESOURCE_EXHAUSTED   also RuntimeError; the queue is full

Statuses and codes: Pinecone's OpenAPI (2025-04), and the replies its clients were seen to get.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ClosedError",
    "DeadlineExceededError",
    "EngineError",
    "FailedPreconditionError",
    "InvalidArgumentError",
    "InvalidTypeError",
    "MissingFieldError",
    "ModelError",
    "NotFoundError",
    "ProviderError",
    "RerankError",
    "ResourceExhaustedError",
    "TokenLimitError",
    "UnknownParameterError",
]


class RerankError(Exception):
    """Base of everything that this library raises on purpose.

    Args:
        message: What was wanted, what came, and what to do.
        details: More for a program to read, or None.

    Example:
        >>> NotFoundError("Model 'x' not found").to_dict()
        {'error': {'code': 'NOT_FOUND', 'message': "Model 'x' not found"}, 'status': 404}
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def to_dict(self) -> dict[str, Any]:
        """Give the body that Pinecone's REST API answers for this error."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = dict(self.details)
        return {"error": error, "status": self.status}


class InvalidArgumentError(RerankError, ValueError):
    """An argument has a value that cannot be."""

    status = 400
    code = "INVALID_ARGUMENT"


class TokenLimitError(InvalidArgumentError):
    """A query+document pair is too long and ``truncate`` is ``"NONE"``.

    Args:
        offenders: ``(index, tokens, limit)`` of every document whose pair is too long.

    ``details`` holds ``{"documents": [{"index", "tokens", "limit"}, ...]}``; the message, which is
    Pinecone's, tells of the longest pair.
    """

    def __init__(self, offenders: Sequence[tuple[int, int, int]]) -> None:
        _, tokens, limit = max(offenders, key=lambda offender: offender[1])
        super().__init__(
            f"Request contains a query+document pair with {tokens} tokens, which exceeds the "
            f"maximum token limit of {limit} for each query+document pair. Consider setting "
            '"parameters.truncate" to "END" to truncate long query+document pairs.',
            details={
                "documents": [
                    {"index": index, "tokens": tokens, "limit": limit}
                    for index, tokens, limit in offenders
                ]
            },
        )
        self.offenders = list(offenders)

    def __reduce__(self) -> tuple[type[TokenLimitError], tuple[list[tuple[int, int, int]]]]:
        return type(self), (self.offenders,)


class MissingFieldError(InvalidArgumentError, LookupError):
    """A document lacks a field named in ``rank_fields``."""


class UnknownParameterError(InvalidArgumentError):
    """``parameters`` has a key that no model knows."""

    status = 422


class InvalidTypeError(RerankError, TypeError):
    """An argument, or a document, is of the wrong type."""

    status = 400
    code = "INVALID_ARGUMENT"


class NotFoundError(RerankError, LookupError):
    """No model has this name."""

    status = 404
    code = "NOT_FOUND"


class FailedPreconditionError(RerankError, RuntimeError):
    """Something must be done first: a model has no weights here, say."""

    status = 412
    code = "FAILED_PRECONDITION"


class ClosedError(FailedPreconditionError):
    """The reranker was closed, or was made before this process was forked."""


class ModelError(RerankError, RuntimeError):
    """A model's directory, graph or tokenizer is not what a cross-encoder needs."""


class ProviderError(RerankError, RuntimeError):
    """ONNX Runtime, or the execution provider that was asked for, is not there."""

    status = 503
    code = "UNAVAILABLE"


class EngineError(RerankError, RuntimeError):
    """The model ran and failed, or gave something that is not a score."""


class DeadlineExceededError(RerankError, TimeoutError):
    """The call's ``timeout`` passed; the message says how far it had come."""

    status = 504
    code = "DEADLINE_EXCEEDED"


class ResourceExhaustedError(RerankError, RuntimeError):
    """As much waits as may wait, and the reranker was told not to let calls wait for room.

    Args:
        message: What waits.
        retry_after: Seconds until there may be room, guessed from the pace of late.
    """

    status = 429
    code = "RESOURCE_EXHAUSTED"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message, details={"retry_after": retry_after})
        self.retry_after = retry_after
