"""A call that is written once, for a thread that waits and for an event loop.

It is a generator: it yields what it wants scored, is sent the logits, and returns its result.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from typing import Any, ParamSpec, TypeAlias, TypeVar

from rerank_core._calling import on_thread
from rerank_core._scoring import PairLogits, Scoring
from rerank_core.tokenizer import Encoded

__all__ = ["Steps", "finished", "is_long", "steps_of", "waits"]

_LONG = 256  # documents

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
Steps: TypeAlias = Generator[Scoring, PairLogits, _Result]


def waits(steps: Callable[_Arguments, Steps[_Result]]) -> Callable[_Arguments, _Result]:
    """Make a function of steps: the thread that calls it waits for the scores."""

    @functools.wraps(steps)
    def call(*args: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        taken = steps(*args, **options)
        return _result(taken, next(taken).run())

    return call


def is_long(documents: Any) -> bool:
    """Whether an event loop would wait too long until documents are checked, or what they are is unknown."""
    return not isinstance(documents, (list, tuple, Encoded)) or len(documents) > _LONG


def steps_of(method: Callable[..., _Result], *args: Any, **options: Any) -> Steps[_Result]:
    """Give the steps of a method that `waits` made."""
    bound: Any = method
    steps: Steps[_Result] = bound.__wrapped__(bound.__self__, *args, **options)
    return steps


async def finished(steps: Steps[_Result]) -> _Result:
    """Give the result of steps, of which all but a short text's tokenizing leaves the event loop alone."""
    from rerank_core._event_loop import mailbox  # noqa: PLC0415  (asyncio takes long to import)

    scoring = next(steps)
    post = mailbox() if scoring.is_short else None
    try:
        logits = await (on_thread(scoring.run) if post is None else scoring.run_for(post))
    except BaseException:
        scoring.call.cancel()  # too late to matter, unless it was the task that ended
        raise
    return _result(steps, logits)


def _result(steps: Steps[_Result], logits: PairLogits) -> _Result:
    try:
        steps.send(logits)
    except StopIteration as end:
        result: _Result = end.value
        return result
    raise AssertionError("a call is scored once")
