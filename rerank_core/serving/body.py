"""A request's body, as much of it and for as long as a server allows; and the client that leaves."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from rerank_core.serving.refusals import SlowRequestError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import Receive

__all__ = ["ClientLeftError", "read_body", "unless_client_leaves"]

_Result = TypeVar("_Result")

# A client that still sends does not read: so much of what is too large is taken in before it is refused.
_DRAINED = 8


class ClientLeftError(Exception):
    """The connection was closed before the answer."""


async def read_body(
    receive: Receive, headers: Mapping[str, str], limit: int, seconds: float
) -> bytes:
    """Give the body.

    Args:
        receive: ASGI's.
        headers: Of the request.
        limit: Bytes that it may have.
        seconds: Until when it must be here.

    Raises:
        TooLargeError: It has more bytes.
        SlowRequestError: It is not here in time.
        ClientLeftError: It never will be.
    """
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > _DRAINED * limit:
        raise _too_large(limit)
    late = SlowRequestError(f"The body did not come within {seconds:g} seconds.")
    with _Interruption(late) as interrupt:
        timer = asyncio.get_running_loop().call_later(seconds, interrupt)
        try:
            return await _whole(receive, limit)
        finally:
            timer.cancel()


async def _whole(receive: Receive, limit: int) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        piece = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        elif size > _DRAINED * limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            if size > limit:
                raise _too_large(limit)
            return b"".join(pieces)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The body is larger than {limit} bytes.")


async def unless_client_leaves(work: Awaitable[_Result], receive: Receive) -> _Result:
    """Give what the work gives; cancel it when the client closes the connection.

    Raises:
        ClientLeftError: The client did.
    """
    with _Interruption(ClientLeftError()) as interrupt:
        leaving = asyncio.ensure_future(_left(receive))
        leaving.add_done_callback(interrupt)
        try:
            return await work
        finally:
            leaving.remove_done_callback(interrupt)
            leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Interruption:
    """Lets something end what the task of the with statement awaits in it, by an error.

    As asyncio.timeout does, which Python 3.10 lacks; a task for each part of a request, as asyncio.wait_for
    makes, took a tenth of what a small request costs.
    """

    def __init__(self, error: Exception) -> None:
        self._error = error
        self._is_ours = False
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (a coroutine of a server runs in one)
        self._task = task

    def __enter__(self) -> Callable[..., None]:
        return self._interrupt

    def _interrupt(self, *_: Any) -> None:
        self._is_ours = self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._is_ours and kind is asyncio.CancelledError:
            if sys.version_info >= (3, 11):
                self._task.uncancel()
            raise self._error from None
