"""Real peers beside ours, on the same weights and the same pairs: results/peers.json.

Run as `python -m benchmarks.peers SHAPE WORKLOAD ... [--seconds S]`, after `make peers`; each workload
replaces its own part of the results. Every contender has a process of its own and is asked in turn. Scores
are compared with PyTorch's fp32 before anything is timed; settings are searched on the first workload;
defaults and best settings take part in the same rounds.
"""

from __future__ import annotations

import argparse
import json
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
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

TOP = 10
MOST_ROUNDS = 9
LARGE, TINY = workloads.SHAPES
SEARCHED, *_ = suite.WORKLOADS  # where settings are searched; the others take what was found
# On the large shape all contenders run the first workload, and so many the others: it is to end in an hour.
LEADING = (
    OURS,
    "rerank-core int8",
    REFERENCE,
    "CrossEncoder torch bf16",
    "CrossEncoder OpenVINO",
    "CrossEncoder OpenVINO int8",
    "FlashRank",
    "fastembed",
)
ON_LARGE = {
    "passages": tuple(CONTENDERS),
    "1 x 1,000": (OURS, "rerank-core int8", REFERENCE, "CrossEncoder OpenVINO int8"),
    "64 callers of 10": (OURS, "rerank-core int8", REFERENCE, "Infinity torch"),
}


@dataclass
class Entry:
    """A contender in a workload: its process, and the settings it is timed with."""

    process: Process
    found: dict[str, Any]
    settings: dict[str, dict[str, Any]] = field(default_factory=lambda: {"default": {}})
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def ask(
        self, path: Path, settings: dict[str, Any], *, is_first: bool = False
    ) -> dict[str, Any]:
        return self.process.ask(path=str(path), settings=settings, is_first=is_first)


class Field:
    """The contenders that could be started on the weights of a shape, and why the others could not.

    Attributes:
        processes: Those that were started.
        ready: What each told when it had loaded.
        reasons: Why it could not.
    """

    def __init__(self, stack: ExitStack, shape: str, names: Iterable[str]) -> None:
        self.shape = shape
        self.weights = WEIGHTS / workloads.stem(workloads.SHAPES[shape])
        calibrate(self.weights)
        self.reasons: dict[str, str] = {}
        self.ready: dict[str, dict[str, Any]] = {}
        self.processes: dict[str, Process] = {}
        for name in names:  # all load at the same time, for no start is timed here
            try:
                self.processes[name] = stack.enter_context(Process(name, self.weights))
            except ContenderError as error:
                self.reasons[name] = str(error)
        for name, process in self.processes.items():
            try:
                self.ready[name] = process.wait()
            except ContenderError as error:
                self.reasons[name] = str(error)

    def entries(self, names: tuple[str, ...], path: Path, work: suite.Work) -> dict[str, Entry]:
        """Let each score the workload, and compare its scores with the reference's."""
        answers: dict[str, dict[str, Any]] = {}
        found = {}
        for name in (name for name in names if name in self.ready):
            entry = Entry(self.processes[name], {})
            try:
                answers[name] = entry.ask(path, {}, is_first=True)
                found[name] = entry
            except ContenderError as error:
                self.reasons[name] = str(error)
        for name in (OURS, REFERENCE):
            if name not in found:
                raise ContenderError(f"{name} is needed, and cannot be run: {self.reasons[name]}")
        reference = _logits(answers[REFERENCE], self.ready[REFERENCE])
        for name, entry in found.items():
            told = ("padding", "shares", "one_at_a_time_because")
            entry.found = {key: answers[name][key] for key in told if key in answers[name]}
            entry.found["versions"] = self.ready[name]["versions"]
            entry.found["first_seconds"] = answers[name]["seconds"]
            entry.found["loaded_mb"] = self.ready[name]["loaded_mb"]
            entry.found |= _apart(_logits(answers[name], self.ready[name]), reference, work)
        return found


def contenders_of(shape: str, name: str) -> tuple[str, ...]:
    """Give who takes part in a workload on a shape."""
    return ON_LARGE.get(name, LEADING) if shape == LARGE else tuple(CONTENDERS)


def measure(
    contenders: Field, name: str, seconds: float, rounds: int, *, is_fresh: bool
) -> dict[str, Any]:
    """Measure a workload in at least so many rounds; memory only where the processes are fresh."""
    start = time.perf_counter()
    shape, weights = workloads.SHAPES[contenders.shape], contenders.weights
    names = contenders_of(contenders.shape, name)
    work = suite.work(name)
    path = write(weights, name)
    rows = row_tokens(weights, work)
    result: dict[str, Any] = {
        "machine": harness.machine(),
        "source": work.source,
        "requests": len(work.requests),
        "pairs": len(rows),
        "tokens": int(rows.sum()),
        "histogram": suite.histogram(rows),
        "rates": roofline.rates(),
        "gflop": {
            "plain": roofline.gflop(shape, rows, last="all tokens"),
            "prepared": roofline.gflop(shape, rows, last="absorbed"),
        },
    }
    entries = contenders.entries(names, path, work)
    for contender, entry in entries.items():
        if name == SEARCHED:
            _search(entry, path, CONTENDERS[contender].settings)
        else:
            _borrow(entry, _found_settings(contenders.shape, contender), suite.WORKLOADS[name])
    left = seconds - (time.perf_counter() - start)
    one_round = sum(len(each.settings) * each.found["first_seconds"] for each in entries.values())
    result["rounds"] = int(np.clip(left / one_round, rounds, MOST_ROUNDS))
    contenders.reasons |= _take_turns(entries, path, result["rounds"])
    ours = [run["seconds"] for run in entries[OURS].runs["default"]]
    for entry in entries.values():
        if is_fresh:
            first = entry.runs["default"]
            entry.found["peak_mb"] = max(run["peak_mb"] for run in first)
            entry.found["settled_mb"] = first[-1]["settled_mb"]
        entry.found["timed"] = {
            kind: {
                "settings": entry.settings[kind],
                **_figures(runs, ours, len(rows), int(rows.sum())),
            }
            for kind, runs in entry.runs.items()
        }
    reasons = {name: {"reason": reason} for name, reason in contenders.reasons.items()}
    result["contenders"] = {name: entry.found for name, entry in entries.items()} | reasons
    return result


def _take_turns(entries: dict[str, Entry], path: Path, rounds: int) -> dict[str, str]:
    """Run all settings of all entries once per round; who fails leaves, and the reason is given."""
    reasons: dict[str, str] = {}
    for turn in range(rounds):
        names = list(entries)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            entry = entries[name]
            try:
                for kind, settings in entry.settings.items():
                    entry.runs.setdefault(kind, []).append(entry.ask(path, settings))
            except ContenderError as error:
                reasons[name] = str(error)
                del entries[name]
    return reasons


def calibrate(weights: Path) -> None:
    """Write the texts on which a peer may calibrate int8."""
    path = weights / "calibration.json"
    if not path.exists():
        (query, documents), *_ = suite.work("passages").requests
        path.write_text(json.dumps([f"{query} {text}" for text in documents]))


def write(weights: Path, name: str) -> Path:
    """Write a workload for the processes of contenders."""
    named = suite.WORKLOADS[name]
    path = weights / "workload.json"
    how = {"callers": named.callers, "is_one_call": named.is_one_call}
    path.write_text(json.dumps({"requests": suite.work(name).requests, **how}))
    return path


def row_tokens(weights: Path, work: suite.Work) -> NDArray[np.int64]:
    """Count the tokens that a model reads of each pair."""
    tokenizer = Tokenizer.from_file(weights / "tokenizer.json")
    rows = [
        tokenizer.encode_pairs(*each, max_length=workloads.MAX_TOKENS) for each in work.requests
    ]
    return np.concatenate([np.diff(encoded.offsets) for encoded in rows])


def _logits(answer: dict[str, Any], ready: dict[str, Any]) -> NDArray[np.float64]:
    values = np.array(answer["scores"], np.float64)
    if ready["scale"] == "sigmoid":
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
        "is_same": difference <= tolerances.LOGIT_PYTORCH,
        "top10_moved": float(np.mean(moved)),
    }


def _search(entry: Entry, path: Path, settings: tuple[dict[str, Any], ...]) -> None:
    """Try each setting once, after the defaults; the fastest is timed beside them."""
    tried: list[tuple[dict[str, Any], float]] = [
        (each, entry.ask(path, each)["seconds"]) for each in ({}, *settings) if settings
    ]
    entry.found["searched"] = [{"settings": each, "seconds": seconds} for each, seconds in tried]
    if tried and (best := min(tried, key=lambda row: row[1])[0]):
        entry.settings["best"] = best


def _borrow(entry: Entry, best: dict[str, Any], named: suite.Named) -> None:
    """Take the best settings of another workload; of callers, also let one in at a time."""
    if named.callers > 1:
        best = {**best, "one_at_a_time": True}
    if best:
        entry.settings["best"] = best


def _found_settings(shape: str, contender: str) -> dict[str, Any]:
    found = harness.read("peers").get(shape, {}).get(SEARCHED, {}).get("contenders", {})
    best: dict[str, Any] = found.get(contender, {}).get("timed", {}).get("best", {})
    return dict(best.get("settings", {}))


def _figures(
    runs: list[dict[str, Any]], ours: list[float], pairs: int, tokens: int
) -> dict[str, Any]:
    times = [run["seconds"] for run in runs]
    latencies = [latency for run in runs for latency in run["latencies"]]
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
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("shape", choices=workloads.SHAPES)
    parser.add_argument("workloads", nargs="+", choices=suite.WORKLOADS)
    parser.add_argument("--seconds", type=float, default=75.0, help="of each workload, about")
    parser.add_argument("--rounds", type=int, default=3, help="at least")
    given = parser.parse_args()
    with ExitStack() as stack:
        needed = {each for name in given.workloads for each in contenders_of(given.shape, name)}
        contenders = Field(stack, given.shape, [name for name in CONTENDERS if name in needed])
        for place, name in enumerate(given.workloads):
            row = measure(contenders, name, given.seconds, given.rounds, is_fresh=place == 0)
            harness.merge("peers", [given.shape, name], row)
            _tell(given.shape, name, row)


def _tell(shape: str, work: str, row: dict[str, Any]) -> None:
    print(f"{shape}, {work}: {row['rounds']} rounds", flush=True)
    for name, found in row["contenders"].items():
        for kind, figures in found.get("timed", {}).items():
            print(
                f"  {name:<27} {kind:<8}{1e3 * figures['seconds']['median']:8.0f} ms "
                f"{figures['times_ours']['median']:5.2f}x padding {found['padding']:.2f} "
                f"d {found['largest_logit_difference']:.0e} moved {found['top10_moved']:.1f} "
                f"{figures['settings'] or ''}",
                flush=True,
            )
        if "reason" in found:
            print(f"  {name:<27} {found['reason']}", flush=True)


if __name__ == "__main__":
    main()
