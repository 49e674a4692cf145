"""Running the application: uvicorn, signals, logs."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TYPE_CHECKING

import uvicorn

from rerank_core.errors import InvalidArgumentError
from rerank_core.serving.app import create_app
from rerank_core.serving.journal import ACCESS
from rerank_core.serving.keys import ApiKeys
from rerank_core.serving.protocol import guarded
from rerank_core.serving.service import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rerank_core.serving.settings import Settings

__all__ = ["Server", "serve"]

_LOG = logging.getLogger("rerank_core.serving")


class Server(uvicorn.Server):
    """Listens at once and loads meanwhile; when told to stop, finishes what it has accepted.

    Args:
        settings: See `load_settings`.
        environment: Variables of the process, where API keys may be.

    Raises:
        InvalidArgumentError: A key of the settings cannot be.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
        self.service = Service(settings)
        self.failure: BaseException | None = None
        config = uvicorn.Config(
            create_app(self.service, ApiKeys.load(settings, environment)),
            host=settings.host,
            port=settings.port,
            http=guarded(settings.read_timeout),
            ws="none",
            timeout_keep_alive=settings.keep_alive,
            timeout_graceful_shutdown=settings.shutdown_timeout,
            ssl_certfile=settings.tls_certfile,
            ssl_keyfile=settings.tls_keyfile,
            access_log=False,
            log_config=None,
            server_header=False,
        )
        try:
            config.load()
        except OSError as error:  # ssl's too
            raise InvalidArgumentError(
                f"tls_certfile ({settings.tls_certfile}), tls_keyfile ({settings.tls_keyfile}): {error}"
            ) from None
        super().__init__(config)

    async def main_loop(self) -> None:
        loading = asyncio.ensure_future(asyncio.to_thread(self.service.load))
        loading.add_done_callback(self._loaded)
        await super().main_loop()
        self.service.drain()
        await asyncio.wait([loading])  # a thread that loads cannot be stopped

    def _loaded(self, loading: asyncio.Future[None]) -> None:
        self.failure = loading.exception()
        if self.failure is not None:
            self.should_exit = True
        else:
            _LOG.info("ready: %s", ", ".join(self.service.rerankers))


def serve(settings: Settings) -> None:
    """Run a server until SIGTERM or Ctrl-C.

    Args:
        settings: See `load_settings`.

    Raises:
        RerankError: A setting cannot be, or a model cannot be loaded.
    """
    for logger, form in (
        (ACCESS, "%(message)s"),
        (_LOG, "%(levelname)s: %(message)s"),
        (logging.getLogger("uvicorn.error"), "%(levelname)s: %(message)s"),
    ):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter(form))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    server = Server(settings)
    server.run()
    if server.failure is not None:
        raise server.failure
