"""Fair rounds, honest numbers: contenders take turns, results carry their machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rerank_core._cpu import available_cpus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RESULTS = Path(__file__).parent / "results"


def interleaved(
    contenders: Mapping[str, Callable[[], Any]], rounds: int, *, pause: float = 0
) -> dict[str, list[float]]:
    """Time each contender once per round, in turn, after one round that is not counted.

    Args:
        contenders: What to run, by name.
        rounds: How often.
        pause: Seconds before each run, in which threads of the one before may come to rest.

    Returns:
        Seconds of each round, by contender. Compare within a round: the machine may change between.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, work in contenders.items():
            time.sleep(pause)
            start = time.perf_counter()
            work()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def summary(values: list[float]) -> dict[str, float]:
    """Give median and quartiles."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "q1": float(low), "q3": float(high)}


def machine() -> dict[str, Any]:
    """Say where and with what this ran."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip() if names else cpu
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "cpu": cpu,
        "threads": available_cpus(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("onnxruntime", "tokenizers", "numpy")},
        "commit": commit.stdout.strip(),
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def write(name: str, result: dict[str, Any]) -> None:
    """Keep a result under benchmarks/results."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def read(name: str) -> dict[str, Any]:
    """Give a result; empty where there is none yet."""
    path = RESULTS / f"{name}.json"
    result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return result


def merge(name: str, keys: list[str], row: dict[str, Any]) -> None:
    """Put a slice of a result in its place under benchmarks/results, and leave the others."""
    result = place = read(name)
    for key in keys[:-1]:
        place = place.setdefault(key, {})
    place[keys[-1]] = row
    write(name, result)
