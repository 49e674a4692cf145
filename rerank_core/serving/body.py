"""A request's body, as much of it and for as long as a server allows; and the client that leaves."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from rerank_core.serving.refusals import SlowRequestError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

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
    try:
        return await asyncio.wait_for(_whole(receive, limit), seconds)
    except asyncio.TimeoutError:
        raise SlowRequestError(f"The body did not come within {seconds:g} seconds.") from None


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
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeftError
        return task.result()
    finally:
        for each in (task, leaving):
            each.cancel()
        with contextlib.suppress(BaseException):
            await leaving


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
