"""Our server beside Infinity's, on the same weights: results/serving_peers.json.

Run as `python -m benchmarks.serving_peers [ROUNDS]`, after `make peers`. Both get the same bytes, in Infinity's dialect,
from the same client; whoever is not asked is stopped.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, workloads
from benchmarks.serving import Connection, all_at_once, seconds_of
from tests.serving.running import process

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS = Path(__file__).parents[1] / "build/peers"
OURS = "rerank-core"
CALLERS = 16


@contextmanager
def ours(weights: Path) -> Iterator[tuple[int, int]]:
    """Run our server; give its port and its process."""
    with process(f"--model=model={weights}-fp32", "--port=0", "--no-access-log") as started:
        port = int(started.wait_for(r"http://127\.0\.0\.1:(\d+)")[1])
        started.wait_for("ready: ")
        yield port, started.process.pid


@contextmanager
def infinity(weights: Path) -> Iterator[tuple[int, int]]:
    """Run Infinity's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = {
        "model-id": weights,
        "served-model-name": "model",
        "engine": "torch",
        "device": "cpu",
        "host": "127.0.0.1",
        "port": port,
    }
    flags = [f"--{name}={value}" for name, value in arguments.items()]
    command: list[str | Path] = [PEERS / "infinity/bin/infinity_emb", "v2", *flags]
    with subprocess.Popen(
        command,
        env={**os.environ, "INFINITY_BETTERTRANSFORMER": "false"},  # which current optimum lacks
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as started:
        try:
            _await_health(port, started)
            yield port, started.pid
        finally:
            started.kill()


def _await_health(port: int, started: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if started.poll() is not None:
            raise RuntimeError(f"Infinity's server ended with {started.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("Infinity's server did not come up")


def _asked_once(caller: Connection) -> list[float]:
    """Give the scores, in input order; servers close a connection that says nothing for some seconds."""
    with closing(caller):
        reply = json.loads(caller.post())
    results = sorted(reply["results"], key=lambda result: result["index"])
    return [result["relevance_score"] for result in results]


def measure(weights: Path, rounds: int) -> dict[str, Any]:
    """Time one caller, and many at once, of each server in turn."""
    works = [workloads.passages(10, seed=seed) for seed in range(CALLERS)]
    bodies = [
        {"model": "model", "query": work.query, "documents": work.documents, "raw_scores": True}
        for work in works
    ]
    found: dict[str, dict[str, list[float]]] = {}
    scores: dict[str, list[float]] = {}
    with ExitStack() as stack:
        servers = {OURS: ("/infinity/rerank", *stack.enter_context(ours(weights)))}
        servers["Infinity"] = ("/rerank", *stack.enter_context(infinity(weights)))
        for _, _, pid in servers.values():
            os.kill(pid, signal.SIGSTOP)
        for turn in range(rounds + 1):
            for name, (path, port, pid) in servers.items():
                os.kill(pid, signal.SIGCONT)
                connect = partial(Connection, port, path)
                if not turn:
                    scores[name] = [
                        score for body in bodies for score in _asked_once(connect(body))
                    ]
                with closing(connect(bodies[0])) as caller:
                    one = [seconds_of(caller.post) for _ in range(10)]
                with ExitStack() as open_ones:
                    callers = [open_ones.enter_context(closing(connect(body))) for body in bodies]
                    begun = time.perf_counter()
                    many = all_at_once([each.post for each in callers], 2)
                    took = time.perf_counter() - begun
                os.kill(pid, signal.SIGSTOP)
                if turn:
                    into = found.setdefault(
                        name, {"one_ms": [], "p99_ms": [], "pairs_per_second": []}
                    )
                    into["one_ms"].append(1000 * float(np.median(one)))
                    into["p99_ms"].append(1000 * float(np.percentile(many, 99)))
                    into["pairs_per_second"].append(20 * CALLERS / took)
        for _, _, pid in servers.values():
            os.kill(pid, signal.SIGCONT)
    first, other = (np.array(each) for each in scores.values())
    return {
        "largest_difference": float(np.abs(first - other).max()),
        "servers": {
            name: {what: harness.summary(each) for what, each in figures.items()}
            for name, figures in found.items()
        },
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "rounds": rounds,
        "callers": CALLERS,
        "shapes": {},
    }
    for name, shape in workloads.SHAPES.items():
        row = result["shapes"][name] = measure(PEERS / "weights" / workloads.stem(shape), rounds)
        print(name, f"scores differ by {row['largest_difference']:.2g}")
        for server, figures in row["servers"].items():
            told = ", ".join(f"{what} {each['median']:.1f}" for what, each in figures.items())
            print(f"  {server:<12} {told}")
    harness.write("serving_peers", result)


if __name__ == "__main__":
    main()
