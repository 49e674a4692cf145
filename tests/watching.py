"""What tests look at from outside: counters that come to rest, threads, files and memory of this process."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rerank_core import Reranker


def settled(reranker: Reranker, **counts: int) -> bool:
    """Wait until nothing waits and the counters are these; False where they never get there."""
    for _ in range(30_000):
        stats = reranker.stats()
        waits = (stats.queued_rows, stats.queued_tokens, stats.queued_calls)
        if waits == (0, 0, 0) and all(getattr(stats, name) == counts[name] for name in counts):
            return True
        time.sleep(0.001)
    return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing tells of: a counter that moves, say."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def other_threads() -> int:
    """Count threads but those that arerank keeps for later calls."""
    return sum(not thread.name.startswith("rerank_core") for thread in threading.enumerate())


def open_files() -> int:
    """Count file handles; 0 where the system does not tell."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def resident_mb() -> float:
    """Give the resident memory of this process, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
