import inspect
import pickle

import pytest

from rerank_core import errors

TREE = [
    (errors.RerankError, 500, "INTERNAL", Exception),
    (errors.InvalidArgumentError, 400, "INVALID_ARGUMENT", ValueError),
    (errors.MissingFieldError, 400, "INVALID_ARGUMENT", LookupError),
    (errors.UnknownParameterError, 422, "INVALID_ARGUMENT", ValueError),
    (errors.InvalidTypeError, 400, "INVALID_ARGUMENT", TypeError),
    (errors.NotFoundError, 404, "NOT_FOUND", LookupError),
    (errors.FailedPreconditionError, 412, "FAILED_PRECONDITION", RuntimeError),
    (errors.ClosedError, 412, "FAILED_PRECONDITION", errors.FailedPreconditionError),
    (errors.ModelError, 500, "INTERNAL", RuntimeError),
    (errors.ProviderError, 503, "UNAVAILABLE", RuntimeError),
    (errors.EngineError, 500, "INTERNAL", RuntimeError),
    (errors.DeadlineExceededError, 504, "DEADLINE_EXCEEDED", TimeoutError),
]


@pytest.mark.parametrize(("kind", "status", "code", "base"), TREE)
def test_envelope(kind, status, code, base):
    error = kind("what happened")
    assert isinstance(error, base)
    assert isinstance(error, errors.RerankError)
    assert str(error) == error.message == "what happened"
    assert error.to_dict() == {
        "error": {"code": code, "message": "what happened"},
        "status": status,
    }


def test_details_are_in_the_envelope():
    error = errors.TokenLimitError([(1, 20, 8), (4, 12, 8)])
    assert error.to_dict()["error"]["details"] == {
        "documents": [
            {"index": 1, "tokens": 20, "limit": 8},
            {"index": 4, "tokens": 12, "limit": 8},
        ]
    }
    assert error.status == 400
    assert "with 20 tokens" in str(error)


def test_a_full_queue_says_when_to_come_again():
    error = errors.ResourceExhaustedError("the queue is full", 0.25)
    assert isinstance(error, RuntimeError)
    assert (error.status, error.retry_after) == (429, 0.25)
    assert error.to_dict()["error"] == {
        "code": "RESOURCE_EXHAUSTED",
        "message": "the queue is full",
        "details": {"retry_after": 0.25},
    }


def test_the_tree_is_drawn_whole():
    for name in errors.__all__:
        assert name in (errors.__doc__ or "")
    public = [n for n, v in vars(errors).items() if inspect.isclass(v) and issubclass(v, Exception)]
    assert sorted(public) == errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize(
    "error",
    [
        errors.NotFoundError("x"),
        errors.TokenLimitError([(1, 20, 8)]),
        errors.DeadlineExceededError("the timeout has passed"),
        errors.ResourceExhaustedError("full", 0.25),
    ],
)
def test_errors_cross_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.to_dict()) == (type(error), str(error), error.to_dict())
