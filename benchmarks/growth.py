"""How cost grows: with documents, with their length, with cores, with callers: results/growth.json.

Run as `python -m benchmarks.growth SERIES`, after `make peers`; each run replaces its own series.
The tiny shape, on which everything that is not the model weighs most. A contender leaves a series where
its next point would take too long, or too much memory.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, suite, workloads
from benchmarks.baselines import OURS, REFERENCE
from benchmarks.baselines.process import WEIGHTS, ContenderError, Process
from benchmarks.peers import TINY
from rerank_core._cpu import available_cpus

if TYPE_CHECKING:
    from collections.abc import Callable

WEIGHTS_OF_SHAPE = WEIGHTS / workloads.stem(workloads.SHAPES[TINY])
PATH = WEIGHTS_OF_SHAPE / "workload.json"
MOST_SECONDS, LONG_SECONDS, MOST_MB = 15.0, 2.0, 3000.0
ROUNDS = 3
INT8 = "rerank-core int8"
OPENVINO = "CrossEncoder OpenVINO int8"


@dataclass(frozen=True)
class Series:
    """Points of one quantity, and the requests of each.

    Attributes:
        unit: Of the points.
        points: In rising order.
        requests: Gives the requests of a point.
        contenders: Who takes part.
        callers: Whether the point is the number of callers.
        cores: Whether the point is the number of cores a process may use.
        fitted_from: The slope is that of the points from here on.
    """

    unit: str
    points: tuple[int, ...]
    requests: Callable[[int], list[suite.Request]]
    contenders: tuple[str, ...]
    callers: bool = False
    cores: bool = False
    fitted_from: int = 0


def _titles(point: int) -> list[suite.Request]:
    work = workloads.passages(point, mean=18, sigma=0.4)
    return [(work.query, work.documents)]


def _lengths(point: int) -> list[suite.Request]:
    work = workloads.long_documents(20, tokens=point)
    return [(work.query, work.documents)]


def _callers(point: int) -> list[suite.Request]:
    works = [workloads.passages(10, mean=80, sigma=0.4, seed=seed) for seed in range(2 * point)]
    return [(work.query, work.documents) for work in works]


def _passages(_: int) -> list[suite.Request]:
    work = workloads.passages(200, mean=80, sigma=0.4)
    return [(work.query, work.documents)]


SERIES = {
    "documents": Series(
        "documents of 18 tokens",
        (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000),
        _titles,
        (OURS, INT8, REFERENCE, OPENVINO, "FlashRank", "fastembed"),
        fitted_from=1000,
    ),
    "document length": Series(
        "tokens of each of 20 documents",
        (8, 16, 32, 64, 128, 256, 500, 1000, 2000, 4000, 8000, 16_000, 32_000),
        _lengths,
        (OURS, INT8, REFERENCE, OPENVINO, "FlashRank", "fastembed"),
    ),
    "cores": Series(
        "cores",
        tuple(count for count in (1, 2, 4, 8, 16, 32) if count <= available_cpus()),
        _passages,
        (OURS, INT8, REFERENCE, OPENVINO, "FlashRank", "fastembed"),
        cores=True,
    ),
    "callers": Series(
        "callers, two requests of 10 documents each",
        (1, 2, 4, 8, 16, 32, 64),
        _callers,
        (OURS, INT8, REFERENCE, OPENVINO, "FlashRank", "fastembed", "Infinity torch"),
        callers=True,
    ),
}


def measure(name: str) -> dict[str, Any]:
    series = SERIES[name]
    found: dict[str, Any] = {contender: {"points": []} for contender in series.contenders}
    with ExitStack() as stack:
        running = {} if series.cores else _started(stack, found, None)
        for point in series.points:
            _write(series, point)
            if series.cores:
                with ExitStack() as of_point:
                    _run(_started(of_point, found, point), found, point)
                continue
            for contender in list(running):
                reason = _too_much(found[contender]["points"], point)
                if reason:
                    found[contender]["reason"] = reason
                    running.pop(contender).close()
            _run(running, found, point)
    for row in found.values():
        row["slope"] = _slope([p for p in row["points"] if p["point"] >= series.fitted_from])
    return {"machine": harness.machine(), "unit": series.unit, "contenders": found}


def _started(stack: ExitStack, found: dict[str, Any], cores: int | None) -> dict[str, Process]:
    running: dict[str, Process] = {}
    for contender, row in found.items():
        try:
            process = Process(contender, WEIGHTS_OF_SHAPE, cores)
            running[contender] = stack.enter_context(process)
        except ContenderError as error:
            row["reason"] = str(error)
    for contender, process in list(running.items()):
        try:
            found[contender]["loaded_mb"] = process.wait()["loaded_mb"]
        except ContenderError as error:
            found[contender]["reason"] = str(error)
            running.pop(contender)
    return running


def _write(series: Series, point: int) -> None:
    callers = point if series.callers else 1
    work = {"requests": series.requests(point), "callers": callers, "is_one_call": False}
    PATH.write_text(json.dumps(work))


def _expected(points: list[dict[str, Any]], point: int, of: Callable[[Any], float]) -> float:
    """Extrapolate as if the cost were proportional."""
    return of(points[-1]) * point / points[-1]["point"] if points else 0.0


def _too_much(points: list[dict[str, Any]], point: int) -> str:
    """Say why the next point is left out, if it is."""
    if _expected(points, point, lambda each: each["seconds"]["median"]) > MOST_SECONDS:
        return f"more than {MOST_SECONDS:.0f} s at {point:,}"
    if _expected(points, point, lambda each: each["above_mb"]) > MOST_MB:
        return f"more than {MOST_MB / 1000:.0f} GB at {point:,}"
    return ""


def _run(running: dict[str, Process], found: dict[str, Any], point: int) -> None:
    """Let all that are running take turns on the workload that was written.

    What takes long runs once; all else runs several times, after one that is not counted.
    """
    runs: dict[str, list[dict[str, Any]]] = {contender: [] for contender in running}
    for turn in range(ROUNDS + 1):
        for contender, process in list(running.items()):
            if turn and runs[contender][0]["seconds"] > LONG_SECONDS:
                continue
            try:
                runs[contender].append(process.ask(path=str(PATH), settings={}, is_first=False))
            except ContenderError as error:
                found[contender]["reason"] = f"at {point:,}: {error}"
                running.pop(contender).close()
    for contender in runs.keys() & running.keys():
        counted = runs[contender][1:] or runs[contender]
        figures = _figures(point, counted, found[contender]["loaded_mb"])
        found[contender]["points"].append(figures)


def _figures(point: int, runs: list[dict[str, Any]], loaded_mb: float) -> dict[str, Any]:
    seconds = harness.summary([run["seconds"] for run in runs])
    latencies = [latency for run in runs for latency in run["latencies"]]
    peak = max(run["peak_mb"] for run in runs)
    return {
        "point": point,
        "rounds": len(runs),
        "seconds": seconds,
        "latency_ms": {f"p{p}": float(1e3 * np.percentile(latencies, p)) for p in (50, 95)},
        "peak_mb": peak,
        "above_mb": peak - loaded_mb,
    }


def _slope(points: list[dict[str, Any]]) -> float | None:
    """Fit seconds ~ point ** slope."""
    if len(points) < 2:
        return None
    x, y = [p["point"] for p in points], [p["seconds"]["median"] for p in points]
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def main() -> None:
    name = sys.argv[1]
    row = measure(name)
    harness.merge("growth", [name], row)
    for contender, figures in row["contenders"].items():
        points = ", ".join(f"{p['point']}: {p['seconds']['median']:.3f}" for p in figures["points"])
        print(
            f"{name:<16} {contender:<27} slope {figures['slope']} {points} {figures.get('reason', '')}"
        )


if __name__ == "__main__":
    main()
