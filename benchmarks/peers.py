"""Real peers beside ours, on the same weights and the same pairs: results/peers.json.

Run as `python -m benchmarks.peers SHAPE WORKLOAD [SECONDS]`, after `make peers`; each run replaces its own
slice of the results. Every contender has a process of its own and is asked in turn; scores are compared
with PyTorch's fp32 before anything is timed; settings are searched first, then defaults and best settings
take part in the same rounds.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import harness, roofline, suite, workloads
from benchmarks.baselines import CONTENDERS, OURS, REFERENCE
from benchmarks.baselines.process import WEIGHTS, ContenderError, Process
from rerank_core import Tokenizer
from tests import tolerances

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


TOP = 10
SECONDS = {"MiniLM-L6 (6 x 384)": 180.0, "tiny (2 x 128)": 90.0}  # of a slice
MOST_ROUNDS, LEAST_ROUNDS = 9, 2
# Ten times the work of the others: settings are those found on passages, and on the large shape only some
# contenders take part, those that such a workload is about.
HEAVY = {
    "1 x 1,000": (OURS, "rerank-core int8", REFERENCE, "CrossEncoder OpenVINO int8", "FlashRank"),
    "64 callers of 10": (
        OURS,
        "rerank-core int8",
        REFERENCE,
        "CrossEncoder OpenVINO int8",
        "Infinity torch",
    ),
}
LARGE = "MiniLM-L6 (6 x 384)"
CALIBRATION = "calibration.json"


@dataclass
class Entry:
    """A contender in a slice: its process, and the settings it is timed with."""

    process: Process
    settings: dict[str, dict[str, Any]]
    found: dict[str, Any]
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def measure(shape_name: str, name: str, seconds: float) -> dict[str, Any]:
    start = time.perf_counter()
    shape = workloads.SHAPES[shape_name]
    names = HEAVY[name] if name in HEAVY and shape_name == LARGE else tuple(CONTENDERS)
    weights = WEIGHTS / workloads.stem(shape)
    work = suite.work(name)
    path = _write(weights, name, work)
    rows = row_tokens(weights, work)
    contenders: dict[str, Any] = {}
    result = {
        "machine": harness.machine(),
        "source": work.source,
        "requests": len(work.requests),
        "pairs": len(rows),
        "tokens": int(rows.sum()),
        "histogram": suite.histogram(rows),
        "rates": roofline.rates(),
        "gflop": {
            "plain": roofline.gflop(shape, rows, first_token=False),
            "prepared": roofline.gflop(shape, rows, first_token=True),
        },
        "contenders": contenders,
    }
    with ExitStack() as stack:
        entries = _started(stack, names, weights, path, work, contenders)
        for contender, entry in entries.items():
            if name in HEAVY:
                _borrow(
                    entry, _best_on_passages(shape_name, contender), suite.WORKLOADS[name].callers
                )
            else:
                _search(entry, path, CONTENDERS[contender].settings)
        rounds = _rounds(entries, seconds - (time.perf_counter() - start))
        order = list(entries.values())
        for turn in range(rounds):
            for entry in order[turn % len(order) :] + order[: turn % len(order)]:
                for kind, settings in entry.settings.items():
                    answer = entry.process.ask(path=str(path), settings=settings, is_first=False)
                    entry.runs.setdefault(kind, []).append(answer)
    result["rounds"] = rounds
    ours = [run["seconds"] for run in entries[OURS].runs["default"]]
    for entry in entries.values():
        entry.found["timed"] = {
            kind: {
                "settings": entry.settings[kind],
                **_figures(runs, ours, len(rows), int(rows.sum())),
            }
            for kind, runs in entry.runs.items()
        }
    return result


def _write(weights: Path, name: str, work: suite.Work) -> Path:
    calibration = weights / CALIBRATION
    if not calibration.exists():
        (query, documents), *_ = suite.work("passages").requests
        calibration.write_text(json.dumps([f"{query} {text}" for text in documents]))
    named = suite.WORKLOADS[name]
    path = weights / "workload.json"
    path.write_text(
        json.dumps(
            {
                "requests": work.requests,
                "callers": named.callers,
                "is_one_call": named.is_one_call,
            }
        )
    )
    return path


def row_tokens(weights: Path, work: suite.Work) -> NDArray[np.int64]:
    """Count the tokens that a model reads of each pair."""
    tokenizer = Tokenizer.from_file(weights / "tokenizer.json")
    return np.concatenate(
        [
            np.diff(tokenizer.encode_pairs(*request, max_length=workloads.MAX_TOKENS).offsets)
            for request in work.requests
        ]
    )


def _started(
    stack: ExitStack,
    names: tuple[str, ...],
    weights: Path,
    path: Path,
    work: suite.Work,
    found: dict[str, Any],
) -> dict[str, Entry]:
    """Start every contender that can be, and compare its scores with the reference's."""
    processes: dict[str, Process] = {}
    for name in names:  # all load at the same time, for no start is timed here
        found[name] = {}
        try:
            processes[name] = stack.enter_context(Process(name, weights))
        except ContenderError as error:
            found[name]["reason"] = str(error)
    answers: dict[str, dict[str, Any]] = {}
    for name, process in processes.items():
        try:
            answers[name] = process.wait()
            answers[name] |= process.ask(path=str(path), settings={}, is_first=True)
        except ContenderError as error:
            found[name]["reason"] = str(error)
            print(f"{name}: {error}", flush=True)
    for name in (OURS, REFERENCE):
        if name not in answers or "scores" not in answers[name]:
            raise ContenderError(f"{name} is needed, and cannot be run: {found[name]['reason']}")
    reference = _logits(answers[REFERENCE])
    entries = {}
    for name, answer in answers.items():
        if "scores" not in answer:
            continue
        told = ("versions", "padding", "loaded_mb", "shares", "one_at_a_time_because")
        found[name] |= {key: answer[key] for key in told if key in answer}
        found[name]["first_seconds"] = answer["seconds"]
        found[name] |= _apart(_logits(answer), reference, work)
        entries[name] = Entry(processes[name], {"default": {}}, found[name])
    return entries


def _logits(answer: dict[str, Any]) -> NDArray[np.float64]:
    values = np.array(answer["scores"], np.float64)
    if answer["scale"] == "sigmoid":
        edge = 1e-7  # of a float32: what is nearer to 0 or 1 has lost its logit
        values = np.clip(values, edge, 1 - edge)
        values = np.log(values / (1 - values))
    return values


def _apart(
    logits: NDArray[np.float64], reference: NDArray[np.float64], work: suite.Work
) -> dict[str, Any]:
    """Compare scores and orders, request by request."""
    moved, at = [], 0
    for _, documents in work.requests:
        part = slice(at, at + len(documents))
        top, expected = (
            np.argsort(-each[part], kind="stable")[:TOP] for each in (logits, reference)
        )
        moved.append(int((top != expected).sum()))
        at += len(documents)
    difference = float(np.abs(logits - reference).max())
    return {
        "largest_logit_difference": difference,
        "of_spread": difference / float(reference.std()),
        "is_same": difference
        <= tolerances.LOGIT_PYTORCH * max(1.0, float(np.abs(reference).max())),
        "top10_moved": float(np.mean(moved)),
    }


def _search(entry: Entry, path: Path, settings: tuple[dict[str, Any], ...]) -> None:
    """Try each setting once, after the defaults; the fastest is timed beside them."""
    tried = [({}, _once(entry, path, {})), *((each, _once(entry, path, each)) for each in settings)]
    entry.found["searched"] = [{"settings": each, "seconds": seconds} for each, seconds in tried]
    best, _ = min(tried, key=lambda row: row[1])
    if best:
        entry.settings["best"] = best


def _best_on_passages(shape: str, contender: str) -> dict[str, Any]:
    slices = harness.read("peers").get(shape, {})
    timed = slices.get("passages", {}).get("contenders", {}).get(contender, {}).get("timed", {})
    settings: dict[str, Any] = timed.get("best", {}).get("settings", {})
    return settings


def _borrow(entry: Entry, best: dict[str, Any], callers: int) -> None:
    """Take the best settings of another workload; of callers, also let one in at a time."""
    if callers > 1:
        best = {**best, "one_at_a_time": True}
    if best:
        entry.settings["best"] = best


def _once(entry: Entry, path: Path, settings: dict[str, Any]) -> float:
    seconds: float = entry.process.ask(path=str(path), settings=settings, is_first=False)["seconds"]
    return seconds


def _rounds(entries: dict[str, Entry], seconds: float) -> int:
    """Give as many rounds as fit into the time."""
    one = sum(entry.found["first_seconds"] * len(entry.settings) for entry in entries.values())
    return int(np.clip(seconds / one, LEAST_ROUNDS, MOST_ROUNDS))


def _figures(
    runs: list[dict[str, Any]], ours: list[float], pairs: int, tokens: int
) -> dict[str, Any]:
    times = [run["seconds"] for run in runs]
    latencies = np.sort([latency for run in runs for latency in run["latencies"]])
    return {
        "seconds": harness.summary(times),
        "times_ours": harness.summary([a / b for a, b in zip(times, ours, strict=True)]),
        "pairs_per_second": harness.summary([pairs / s for s in times]),
        "tokens_per_second": harness.summary([tokens / s for s in times]),
        # A percentile is told where at least one request lies beyond it.
        "latency_ms": {
            f"p{p}": float(1e3 * np.percentile(latencies, p))
            for p in (50, 95, 99)
            if len(latencies) * (100 - p) >= 100
        },
        "cpu_seconds": harness.summary([run["cpu_seconds"] for run in runs]),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "settled_mb": runs[-1]["settled_mb"],
    }


def main() -> None:
    shape_name, work_name = sys.argv[1:3]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else SECONDS[shape_name]
    row = measure(shape_name, work_name, seconds)
    harness.merge("peers", [shape_name, work_name], row)
    for name, found in row["contenders"].items():
        for kind, figures in found.get("timed", {}).items():
            print(
                f"{shape_name:<20} {work_name:<18} {name:<27} {kind:<8}"
                f"{1e3 * figures['seconds']['median']:8.0f} ms {figures['times_ours']['median']:5.2f}x "
                f"padding {found['padding']:.2f} d {found['largest_logit_difference']:.0e} "
                f"moved {found['top10_moved']:.1f} peak {figures['peak_mb']:5.0f} MB {figures['settings']}"
            )


if __name__ == "__main__":
    main()
