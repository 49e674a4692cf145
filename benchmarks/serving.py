"""What HTTP costs on top of the engine: results/serving.json.

Run as `python -m benchmarks.serving [ROUNDS]`. The server is a process of its own, `rerank-core serve`; the
client is a socket, one for each thread, and does not read the JSON. Both share the machine's cores, as they
would not elsewhere.
"""

from __future__ import annotations

import json
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, workloads
from rerank_core import Inference, Reranker
from tests.serving.running import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests import graphs

_BLOCK = 20  # calls
_CALLERS = 4  # at once, for throughput
_CONNECTIONS = 200


class Connection:
    """A client that stays connected, and sends one request again and again: as little of one as can be."""

    def __init__(self, port: int, path: str, body: dict[str, Any], *headers: str) -> None:
        said = json.dumps(body)
        head = [f"POST {path} HTTP/1.1", "Host: x", *headers]
        head += ["Content-Type: application/json", f"Content-Length: {len(said)}", "", said]
        self._request = "\r\n".join(head).encode()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self) -> bytes:
        """Give the body of the reply."""
        self._socket.sendall(self._request)
        reply = b""
        while b"\r\n\r\n" not in reply:
            reply += self._received()
        head, _, body = reply.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(head)
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < length:
            body += self._received()
        return body

    def _received(self) -> bytes:
        piece = self._socket.recv(1 << 20)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece

    def close(self) -> None:
        self._socket.close()


def pinecone(port: int, work: workloads.Workload) -> Connection:
    """Give a client of Pinecone's dialect."""
    documents = [{"text": text} for text in work.documents]
    body = {"model": "model", "query": work.query, "documents": documents}
    return Connection(port, "/rerank", body, "Api-Key: x")


def seconds_of(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def latency(inside: Callable[[], Any], over_http: Callable[[], Any], calls: int) -> dict[str, Any]:
    """Time one call after another, the two in turn: so many of one kind at a time that neither finds the
    caches of the processor full of the other process.
    """
    found: dict[str, list[float]] = {"inside": [], "http": []}
    for _ in range(max(1, calls // _BLOCK)):
        for name, call in (("inside", inside), ("http", over_http)):
            call()
            found[name] += [seconds_of(call) for _ in range(_BLOCK)]
    ours, theirs = (1000 * np.array(seconds) for seconds in found.values())
    return {
        "inside_ms": harness.summary(list(ours)),
        "http_ms": harness.summary(list(theirs)),
        "added_p50_ms": float(np.median(theirs) - np.median(ours)),
    }


def all_at_once(calls: list[Callable[[], Any]], each: int) -> list[float]:
    """Let each caller call so often, all at once; give the seconds of every call."""
    seconds: list[float] = []

    def repeat(call: Callable[[], Any]) -> None:
        seconds.extend([seconds_of(call) for _ in range(each)])

    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(repeat, call) for call in calls]:
            done.result()
    return seconds


def measure(root: Path, shape: graphs.Shape, rounds: int) -> dict[str, Any]:
    directory = workloads.model_directory(root, shape)
    few, many = workloads.passages(10), workloads.passages(100)
    options = [f"--model=model={directory}", "--port=0", "--no-access-log"]
    with Reranker(directory) as reranker, process(*options) as started:
        port = int(started.wait_for(r"http://127\.0\.0\.1:(\d+)")[1])
        started.wait_for("ready: ")
        inference = Inference(models={"model": reranker})

        def inside(work: workloads.Workload) -> Callable[[], Any]:
            documents = [{"text": text} for text in work.documents]
            return lambda: inference.rerank("model", work.query, documents)

        connection = pinecone(port, few)
        ours = inside(few)().to_dict()
        equal = json.loads(connection.post()) == ours
        one = latency(inside(few), connection.post, 40 * rounds)
        connection.close()

        callers = [pinecone(port, many) for _ in range(_CALLERS)]
        for caller in callers:
            caller.post()  # a server does not wait long for the first request of a connection
        contenders = {
            "inside": lambda: all_at_once([inside(many)] * _CALLERS, 3),
            "http": lambda: all_at_once([caller.post for caller in callers], 3),
        }
        times = harness.interleaved(contenders, rounds)
        for caller in callers:
            caller.close()
        crowd = [pinecone(port, few) for _ in range(_CONNECTIONS)]
        wall = time.perf_counter()
        waits = 1000 * np.array(all_at_once([each.post for each in crowd], 2))
        wall = time.perf_counter() - wall
        for each in crowd:
            each.close()
    lost = [1 - a / b for a, b in zip(times["inside"], times["http"], strict=True)]
    return {
        "workloads": [few.describe(), many.describe()],
        "replies_equal": equal,
        "ten_documents": one,
        "hundred_documents": {
            "callers": _CALLERS,
            "seconds": {name: harness.summary(found) for name, found in times.items()},
            "throughput_lost": harness.summary(lost),
        },
        "connections": {
            "count": _CONNECTIONS,
            "requests_per_second": len(waits) / wall,
            "p50_ms": float(np.percentile(waits, 50)),
            "p99_ms": float(np.percentile(waits, 99)),
        },
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "shapes": {}}
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            row = result["shapes"][name] = measure(Path(root), shape, rounds)
            print(
                f"{name:<20} adds {row['ten_documents']['added_p50_ms']:.2f} ms at p50, loses "
                f"{row['hundred_documents']['throughput_lost']['median']:.1%}, "
                f"{row['connections']['p99_ms']:.0f} ms at p99 of {_CONNECTIONS}, "
                f"equal: {row['replies_equal']}"
            )
    harness.write("serving", result)


if __name__ == "__main__":
    main()
