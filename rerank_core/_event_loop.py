"""Calls that an event loop waits for by itself: no thread of theirs waits for the engine."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from typing import TYPE_CHECKING

from rerank_core import _core

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Mailbox", "mailbox"]


class Mailbox:
    """Where the engine tells an event loop which of its calls are done.

    Args:
        loop: One that can wait for a file.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._completions = _core.Completions()
        self._tickets = itertools.count()
        self._waiting: dict[int, tuple[_core.Pending, asyncio.Future[None]]] = {}
        loop.add_reader(self._completions.fileno(), self._deliver)

    async def done(
        self, submit: Callable[[_core.Completions, int], _core.Pending], call: _core.Call
    ) -> _core.Pending:
        """Give what was submitted for a call, once it is done; the call is cancelled with the task."""
        loop = asyncio.get_running_loop()
        ticket, done = next(self._tickets), loop.create_future()
        pending = submit(self._completions, ticket)
        # Kept until the engine has let go of it, whoever still waits.
        self._waiting[ticket] = pending, done
        seconds = call.seconds_left
        timer = None if seconds is None else loop.call_later(seconds, pending.check_deadline)
        try:
            await done
        except asyncio.CancelledError:
            call.cancel()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return pending

    def _deliver(self) -> None:
        for ticket in self._completions.take():
            _, done = self._waiting.pop(ticket)
            if not done.done():
                done.set_result(None)


# A loop holds its mailbox, as one of its readers: they end together, also where calls still wait.
_MAILBOXES: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Callable[[], Mailbox | None]] = (
    weakref.WeakKeyDictionary()
)


def mailbox() -> Mailbox | None:
    """Give the mailbox of the running loop, or None where it cannot wait for a file, as on Windows."""
    loop = asyncio.get_running_loop()
    if loop not in _MAILBOXES:
        try:
            _MAILBOXES[loop] = weakref.ref(Mailbox(loop))
        except (AttributeError, NotImplementedError):
            _MAILBOXES[loop] = lambda: None
    return _MAILBOXES[loop]()
