"""A server on loopback: in a thread of this process, or as the process that a user would start."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx

from rerank_core.serving.server import Server
from rerank_core.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODELS = dict.fromkeys(("bundled", "bge-reranker-v2-m3", "jina-reranker-v2"), "bundled")
DOCUMENTS = [
    "Yeast gives off gas that makes the dough rise.",
    "Air scatters blue light most, so the sky is blue.",
    "The sea takes its colour from the sky above it.",
]
QUERY = "Why is the sky blue?"
BEST = [1, 2, 0]  # of DOCUMENTS for QUERY


class Running:
    """A server that runs in this process, and a client of it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        self.service = server.service
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, (bytes, str)):
            return self.client.post(path, content=body, headers=sent)
        return self.client.post(path, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers=sent)


@contextmanager
def serving(environment: Mapping[str, str] | None = None, **settings: Any) -> Iterator[Running]:
    """Run a server in a thread."""
    told = {"port": 0, "threads": 1, "models": MODELS, "shutdown_timeout": 5, **settings}
    server = Server(Settings(**told), environment or {})
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.service.ready or not thread.is_alive())
        if server.failure is not None:
            raise server.failure
        running = Running(server, server.servers[0].sockets[0].getsockname()[1])
        with running.client:
            yield running
    finally:
        server.should_exit = True
        thread.join()


def until(holds: Any, seconds: float = 30) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.01)


class Process:
    """`rerank-core serve` as a process of its own."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rerank_core", "serve", *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.lines: list[str] = []
        self._arrived: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            self._arrived.put(line)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line of standard error."""
        while True:
            if found := re.search(pattern, self._arrived.get(timeout=30)):
                return found

    def stop(self, signal_number: int = 15) -> int:
        """Send a signal, wait for the end, and give the exit status."""
        self.process.send_signal(signal_number)
        status = self.process.wait(30)
        self._reader.join(30)
        return status


@contextmanager
def process(*arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Start it, and kill it in the end if it still runs."""
    started = Process(*arguments, environment=environment)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        started._reader.join()
        assert started.process.stderr is not None
        started.process.stderr.close()


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)
