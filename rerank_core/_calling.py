"""One call of a reranker: until when, how urgent, and how an event loop takes it back."""

from __future__ import annotations

import contextvars
import functools
import math
import os
import threading
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

from rerank_core import _core
from rerank_core.errors import InvalidArgumentError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rerank_core._daemon_pool import DaemonPool

__all__ = ["begin_call", "on_thread"]

_Result = TypeVar("_Result")

_MAX_PRIORITY = 1000
_MAX_THREADS = 256  # calls of event loops that are served at once
# What on_thread began: the calls made inside it end when it is cancelled, and began when it did.
_OUTER: contextvars.ContextVar[_core.Call | None] = contextvars.ContextVar(
    "rerank_core_outer_call", default=None
)


def begin_call(timeout: Any, priority: Any) -> _core.Call:
    """Check what a call says of its time and urgency, and start its clock."""
    return _core.Call(
        timeout=_checked_timeout(timeout),
        priority=_checked_priority(priority),
        outer=_OUTER.get(),
        signals=threading.current_thread() is threading.main_thread(),
    )


async def on_thread(function: Callable[..., _Result], *args: Any, **options: Any) -> _Result:
    """Call a function on a thread of its own; a task that is cancelled stops it.

    The calls that the function begins end within a batch of each worker, also those that wait.
    """
    import asyncio  # noqa: PLC0415  (a third of this package's import time)

    outer = _core.Call()
    context = contextvars.copy_context()
    context.run(_OUTER.set, outer)
    call = functools.partial(context.run, function, *args, **options)
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool(os.getpid()), call)
    finally:
        outer.cancel()  # too late to matter, unless it was the task that ended


@functools.cache
def _pool(process: int) -> DaemonPool:  # noqa: ARG001  (a forked child has none of its threads)
    """Give threads that wait for the engine.

    Not those of the event loop's executor: they are few, and calls would wait for one out of turn, where
    neither a priority nor a timeout reaches them.
    """
    from rerank_core._daemon_pool import DaemonPool  # noqa: PLC0415  (as asyncio)

    return DaemonPool(_MAX_THREADS, "rerank_core")


def _checked_timeout(timeout: Any) -> float | None:
    """Give seconds above 0; True is none, and neither is NaN."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, Real):
        raise InvalidTypeError(
            f"timeout must be a number of seconds or None, got {type(timeout).__name__}"
        )
    seconds = float(timeout)
    if math.isnan(seconds) or seconds <= 0:
        raise InvalidArgumentError(f"timeout must be more than 0 seconds, got {timeout}")
    return seconds


def _checked_priority(priority: Any) -> int:
    """Give a whole number of a few digits."""
    if isinstance(priority, bool) or not hasattr(priority, "__index__"):
        raise InvalidTypeError(f"priority must be an integer, got {type(priority).__name__}")
    number = priority.__index__()
    if not -_MAX_PRIORITY <= number <= _MAX_PRIORITY:
        raise InvalidArgumentError(
            f"priority must be between {-_MAX_PRIORITY} and {_MAX_PRIORITY}, got {number}"
        )
    return int(number)
