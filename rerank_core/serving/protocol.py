"""What uvicorn leaves to a proxy: a request's headers must come in time, and be of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["guarded"]

_MAX_HEADER_BYTES = 64 * 1024


def guarded(header_timeout: float) -> type[HttpToolsProtocol]:
    """Give the protocol of connections whose headers must come within so many seconds."""
    return type("Guarded", (_Guarded,), {"header_timeout": header_timeout})


class _Guarded(HttpToolsProtocol):
    header_timeout: ClassVar[float]
    _timer: asyncio.TimerHandle | None = None  # runs while headers are awaited
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._header_bytes += len(data)
        super().data_received(data)
        if self._timer is not None and self._header_bytes > _MAX_HEADER_BYTES:
            self._cut(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:  # another request of the same connection
            self._expect_headers()

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def _expect_headers(self) -> None:
        self._header_bytes = 0
        self._timer = self.loop.call_later(self.header_timeout, self._cut, 408)

    def _headers_came(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self, status: int) -> None:
        self._headers_came()
        if not self.transport.is_closing():
            ending = b"content-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + ending)
            self.transport.close()
