"""Many callers at once, a caller beside a busy Python thread, and nobody: results/callers.json.

Run as `python -m benchmarks.callers [ROUNDS]`.

* 64 callers, each with requests of 10 documents one after another, beside one caller who sends the same
  rows in requests of 640. The ideal of a fair queue serves all requests at the pace of that one caller,
  each at an equal share: what a request of w tokens takes is 64 w / pace.
* One caller's latency, alone and beside a Python thread that never lets go of the GIL on its own, and the
  same for the same plan run by Python through onnxruntime's own package. Pinned: worker, caller and twin
  on one core, the busy thread on another.
* The same callers without batches of several that are run as one: of passages, and of titles, which are often
  as long as one another.
* CPU seconds of an engine that has nothing to do.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import onnxruntime
import tokenizers as hf

from benchmarks import harness, workloads
from rerank_core import Reranker, _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from benchmarks.workloads import Workload

CALLERS, DOCUMENTS, REQUESTS = 64, 10, 3
IDLE_SECONDS = 10
LENGTHS: dict[str, dict[str, Any]] = {"passages": {}, "titles": {"mean": 12, "sigma": 0.2}}


def fairness(directory: Path, rounds: int) -> dict[str, Any]:
    """Time 64 callers and one caller in turn: each round, all rows once."""
    works = [workloads.passages(DOCUMENTS, seed=seed) for seed in range(CALLERS * REQUESTS)]
    at_once = [works[start : start + CALLERS] for start in range(0, len(works), CALLERS)]
    share, ratio, p99_ms = [], [], []
    with Reranker(directory) as reranker, ThreadPoolExecutor(CALLERS) as pool:
        for turn in range(rounds + 1):
            alone, expected = _one_caller(reranker, at_once)
            together, latencies, found = _many_callers(reranker, pool, works)
            assert found == expected
            weights = [float(work.tokens.sum()) for work in works]
            ideal = CALLERS * np.array(weights) * alone / sum(weights)
            if turn:
                share.append(alone / together)
                ratio.append(float(np.percentile(latencies, 99) / np.percentile(ideal, 99)))
                p99_ms.append(1000 * float(np.percentile(latencies, 99)))
    return {
        "throughput_share": harness.summary(share),
        "p99_ms": harness.summary(p99_ms),
        "p99_of_ideal": harness.summary(ratio),
    }


def _one_caller(
    reranker: Reranker, at_once: list[list[Workload]]
) -> tuple[float, list[list[float]]]:
    scores: list[list[float]] = []
    start = time.perf_counter()
    for group in at_once:
        queries = [work.query for work in group for _ in work.documents]
        documents = [text for work in group for text in work.documents]
        flat = reranker.score_pairs(queries, documents).reshape(len(group), -1)
        scores += flat.tolist()
    return time.perf_counter() - start, scores


def _many_callers(
    reranker: Reranker, pool: ThreadPoolExecutor, works: list[Workload]
) -> tuple[float, list[float], list[list[float]]]:
    barrier = threading.Barrier(CALLERS + 1)
    latencies = [0.0] * len(works)
    scores: list[list[float]] = [[]] * len(works)

    def caller(place: int) -> None:
        barrier.wait()
        for index in range(place, len(works), CALLERS):
            start = time.perf_counter()
            scores[index] = reranker.score(works[index].query, works[index].documents).tolist()
            latencies[index] = time.perf_counter() - start

    futures = [pool.submit(caller, place) for place in range(CALLERS)]
    barrier.wait()
    start = time.perf_counter()
    for future in futures:
        future.result()
    return time.perf_counter() - start, latencies, scores


def coalescing(directory: Path, rounds: int) -> dict[str, Any]:
    """Time the callers with batches of several run as one, and apart, in turn."""
    found = {}
    with (
        _apart(directory) as apart,
        Reranker(directory) as together,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        for kind, lengths in LENGTHS.items():
            works = [
                workloads.passages(DOCUMENTS, seed=seed, **lengths)
                for seed in range(CALLERS * REQUESTS)
            ]
            gains = []
            rows = {}
            for turn in range(rounds + 1):
                seconds, scores = {}, {}
                for reranker in (apart, together):
                    before = reranker.stats()
                    seconds[reranker], _, scores[reranker] = _many_callers(reranker, pool, works)
                    after = reranker.stats()
                    rows[reranker] = (after.rows - before.rows) / (after.batches - before.batches)
                assert scores[apart] == scores[together]
                if turn:
                    gains.append(seconds[apart] / seconds[together])
            found[kind] = {
                "throughput_of_apart": harness.summary(gains),
                "rows_of_a_batch": {"apart": rows[apart], "together": rows[together]},
            }
    return found


def _apart(directory: Path) -> Reranker:
    with mock.patch.object(_core, "Engine", partial(_core.Engine, coalesces=False)):
        return Reranker(directory)


class Twin:
    """The engine's plan, widths that are equal under one budget, with Python between the batches."""

    def __init__(self, directory: Path, budget: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(str(directory / "model.onnx"), options)
        self._tokenizer = hf.Tokenizer.from_file(str(directory / "tokenizer.json"))
        self._tokenizer.enable_truncation(512, strategy="only_second")
        self._budget = budget

    def __call__(self, query: str, documents: list[str]) -> NDArray[np.float32]:
        rows = self._tokenizer.encode_batch_fast([(query, document) for document in documents])
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        logits = np.empty(len(rows), np.float32)
        for width, same in groupby(order, key=lambda place: len(rows[place])):
            places = list(same)
            most = max(self._budget // width, 1)
            for start in range(0, len(places), most):
                batch = places[start : start + most]
                tensors = {
                    "input_ids": np.array([rows[place].ids for place in batch], np.int64),
                    "token_type_ids": np.array([rows[place].type_ids for place in batch], np.int64),
                }
                tensors["attention_mask"] = np.ones_like(tensors["input_ids"])
                logits[batch] = self._session.run(["logits"], tensors)[0][:, 0]
        return logits


@contextmanager
def busy_thread(core: int) -> Iterator[None]:
    """Hold the GIL on a core, as long as Python lets a thread."""
    stop = False

    def spin() -> None:
        os.sched_setaffinity(0, {core})
        while not stop:
            pass

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        stop = True
        thread.join()


def beside_a_busy_thread(directory: Path, rounds: int) -> dict[str, Any]:
    """Time ours and the twin on one core, without and with a busy thread on another."""
    cores = sorted(os.sched_getaffinity(0))
    work = workloads.passages()
    os.sched_setaffinity(0, cores[:1])  # what is started from here stays here
    try:
        with Reranker(directory, threads=1, raw_scores=True) as reranker:
            twin = Twin(directory, reranker.info.token_budget)
            contenders: dict[str, Callable[[str, list[str]], NDArray[np.float32]]] = {
                "rerank-core": reranker.score,
                "the same plan in Python": twin,
            }
            ours, theirs = (run(work.query, work.documents) for run in contenders.values())
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
            alone: dict[str, list[float]] = {name: [] for name in contenders}
            busy: dict[str, list[float]] = {name: [] for name in contenders}
            for _ in range(rounds):
                for name, run in contenders.items():
                    alone[name].append(_seconds(run, work))
                    with busy_thread(cores[1]):
                        busy[name].append(_seconds(run, work))
    finally:
        os.sched_setaffinity(0, cores)
    return {
        name: {
            "alone_ms": harness.summary([1000 * each for each in alone[name]]),
            "busy_of_alone": harness.summary(
                [b / a for a, b in zip(alone[name], busy[name], strict=True)]
            ),
        }
        for name in contenders
    }


def _seconds(run: Callable[[str, list[str]], Any], work: Workload) -> float:
    start = time.perf_counter()
    run(work.query, work.documents)
    return time.perf_counter() - start


def idle(directory: Path) -> float:
    """Give the CPU seconds of a process whose engine waits."""
    with Reranker(directory) as reranker:
        reranker.warm_up()
        before = time.process_time()
        time.sleep(IDLE_SECONDS)
        return time.process_time() - before


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "rounds": rounds,
        "callers": CALLERS,
        "documents": DOCUMENTS,
        "idle_seconds": IDLE_SECONDS,
        "shapes": {},
    }
    with tempfile.TemporaryDirectory() as root:
        for name, shape in workloads.SHAPES.items():
            directory = workloads.model_directory(Path(root), shape)
            row: dict[str, Any] = {
                "fairness": fairness(directory, rounds),
                "coalescing": coalescing(directory, rounds),
                "beside_a_busy_thread": beside_a_busy_thread(directory, rounds),
                "idle_cpu_seconds": idle(directory),
            }
            result["shapes"][name] = row
            fair, busy, shared = (
                row[part] for part in ("fairness", "beside_a_busy_thread", "coalescing")
            )
            print(
                f"{name:<20} throughput {fair['throughput_share']['median']:.1%} of one caller's, "
                f"p99 {fair['p99_of_ideal']['median']:.2f}x the ideal, beside a busy thread "
                + ", ".join(
                    f"{each['busy_of_alone']['median']:.2f}x ({n})" for n, each in busy.items()
                )
                + ", batches shared "
                + ", ".join(
                    f"{each['throughput_of_apart']['median']:.2f}x ({n})"
                    for n, each in shared.items()
                )
                + f", idle {row['idle_cpu_seconds']:.3f} s"
            )
    harness.write("callers", result)


if __name__ == "__main__":
    main()
