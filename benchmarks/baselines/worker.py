"""The process of a contender: loads it, then answers one JSON line per JSON line.

Run as `python -m benchmarks.baselines.worker CONTENDER WEIGHTS [CORES]` in the contender's environment. The
first line it writes tells how long importing, loading and a first score took.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from benchmarks.baselines import CONTENDERS
from benchmarks.baselines.padding import Padding


def memory_mb() -> tuple[float, float]:
    """Give the peak and the current resident memory of this process."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024, int(status["VmRSS"].split()[0]) / 1024


def forget_peak() -> None:
    """Let the peak of resident memory start again from what is resident now (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


class Worker:
    """Scores workloads with one contender."""

    def __init__(self, name: str, weights: Path) -> None:
        contender = CONTENDERS[name]
        start = time.perf_counter()
        module = import_module(f"benchmarks.baselines.{contender.module}")
        imported = time.perf_counter()
        self._padding = Padding()
        self._lock = Lock()
        self.lock_reason = ""
        self._baseline = module.Baseline(weights, contender.variant, self._padding)
        loaded = time.perf_counter()
        self._baseline.score("a query", ["a document"])
        scored = time.perf_counter()
        peak, settled = memory_mb()
        self.ready = {
            "versions": {package: version(package) for package in contender.packages},
            "scale": self._baseline.scale,
            "import_seconds": imported - start,
            "load_seconds": loaded - imported,
            "first_score_seconds": scored - start,
            "loaded_mb": settled,
            "loading_peak_mb": peak,
        }

    def run(self, path: str, settings: dict[str, Any], *, is_first: bool) -> dict[str, Any]:
        """Score a workload once; the first time also give the scores and the padding."""
        work = json.loads(Path(path).read_text())
        self._padding.start()
        forget_peak()
        used = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        scores, latencies = self._score(work, settings)
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        peak, settled = memory_mb()
        answer = {
            "seconds": seconds,
            "latencies": latencies,
            "cpu_seconds": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
            "peak_mb": peak,
            "settled_mb": settled,
        }
        if self.lock_reason:
            answer["one_at_a_time_because"] = self.lock_reason
        if is_first:
            answer["scores"] = [float(score) for part in scores for score in part]
            answer["padding"] = self._padding.ratio()
            if hasattr(self._baseline, "shares"):
                answer["shares"] = self._baseline.shares(work["requests"])
        return answer

    def _score(
        self, work: dict[str, Any], settings: dict[str, Any]
    ) -> tuple[list[Any], list[float]]:
        requests = work["requests"]
        if work["is_one_call"] and hasattr(self._baseline, "score_pairs"):
            queries = [query for query, documents in requests for _ in documents]
            documents = [document for _, documents in requests for document in documents]
            return [self._baseline.score_pairs(queries, documents, **settings)], []
        if work["callers"] > 1:
            return self._called(requests, work["callers"], dict(settings))
        latencies: list[float] = []
        return [self._one(request, settings, latencies) for request in requests], latencies

    def _called(
        self, requests: list[Any], callers: int, settings: dict[str, Any]
    ) -> tuple[list[Any], list[float]]:
        """Send requests from many threads; behind a lock if asked, or where the library fails without."""
        latencies: list[float] = []
        is_locked = settings.pop("one_at_a_time", False) or bool(self.lock_reason)

        def one(request: Any) -> Any:
            return self._one(request, settings, latencies, is_locked=is_locked)

        try:
            with ThreadPoolExecutor(callers) as pool:
                return list(pool.map(one, requests)), latencies
        except Exception as error:
            if is_locked:
                raise
            self.lock_reason = f"{type(error).__name__}: {error}"
            self._padding.start()
            return self._called(requests, callers, settings)

    def _one(
        self,
        request: Any,
        settings: dict[str, Any],
        latencies: list[float],
        *,
        is_locked: bool = False,
    ) -> Any:
        start = time.perf_counter()
        with self._lock if is_locked else nullcontext():
            scores = self._baseline.score(*request, **settings)
        latencies.append(time.perf_counter() - start)
        return scores


def main() -> None:
    # Whatever a library prints goes elsewhere; only answers go where the harness listens.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(values: dict[str, Any]) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    if len(sys.argv) > 3 and sys.argv[3]:  # before any library counts them
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[3])])
    try:
        worker = Worker(sys.argv[1], Path(sys.argv[2]))
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise
    answer(worker.ready)
    for line in sys.stdin:
        try:
            answer(worker.run(**json.loads(line)))
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is a finding
            answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
