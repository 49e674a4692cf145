"""Servers for real clients, which live in environments of their own: see `make clients-test`.

Nothing of this library is imported here. The server runs as a process of the environment that
RERANK_CORE_SERVER_PYTHON names.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = os.environ.get("RERANK_CORE_SERVER_PYTHON")
KEY = "a-good-key"
NAMES = "bundled bge-reranker-v2-m3 cohere-rerank-3.5 jina-reranker-v2 rerank-v3.5 rerank-2".split()
for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(proxy, None)


class Server:
    """Where a server is, and how to fill it up."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.key = KEY

    @contextlib.contextmanager
    def full(self, seconds: float = 60) -> Iterator[None]:
        """Hold the server's only place, for so many seconds at most, by a request that never ends."""
        head = f"POST /rerank HTTP/1.1\r\nHost: x\r\nApi-Key: {KEY}\r\nContent-Length: 99\r\n\r\n{{"
        with socket.create_connection(("127.0.0.1", self.port)) as held:
            held.sendall(head.encode())
            held.settimeout(0.2)
            with pytest.raises(TimeoutError):  # it is not refused, so it has the place
                held.recv(1)
            release = threading.Timer(seconds, held.shutdown, (socket.SHUT_RDWR,))
            release.start()
            try:
                yield
            finally:
                release.cancel()
                release.join()
                held.settimeout(5)
                with contextlib.suppress(OSError):
                    held.shutdown(socket.SHUT_RDWR)
                time.sleep(0.1)  # the server sees it


@contextlib.contextmanager
def run(keys: str, *options: str) -> Iterator[Server]:
    if PYTHON is None:
        pytest.skip("clients need a server; make clients-test starts one")
    models = [f"--model={name}=bundled" for name in NAMES]
    command = [PYTHON, "-m", "rerank_core", "serve", "--port=0", "--threads=1", "--no-access-log"]
    process = subprocess.Popen(
        [*command, f"--api-keys-file={keys}", *models, *options], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        said = ""
        while "ready: " not in said:
            line = process.stderr.readline()
            assert line, f"the server ended:\n{said}"
            said += line
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        assert found is not None
        yield Server(int(found[1]))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(KEY + "\n")
    return str(path)


@pytest.fixture(scope="session")
def server(keys: str) -> Iterator[Server]:
    """One that speaks every dialect."""
    with run(keys) as started:
        yield started


@pytest.fixture(scope="session")
def narrow(keys: str) -> Iterator[Server]:
    """One with a place for one request."""
    with run(keys, "--max-concurrent=1") as started:
        yield started
