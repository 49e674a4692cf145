"""A quick look at speed and memory: each contender in a process of its own, taking turns.

No benchmark: few pairs, few rounds, and whatever else the machine does. One thread each: two threads of
PyTorch beside another busy process were 14 times slower than one (tiny shape, two cores, 2026-11-20),
which says something about waiting and nothing about the model.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rerank_core.errors import EngineError
from rerank_core.models.store import find
from rerank_core.models.verify.originals import find_original, scorer
from rerank_core.models.verify.probe_pairs import probe_pairs, rows_of
from rerank_core.reranker import Reranker
from rerank_core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Contender", "Measured", "measure"]

_ROUNDS = 3
_SECONDS = 60.0  # enough of it: a large model gets fewer rounds

# -I keeps the working directory and the environment out; the parent's own path comes back in.
_CHILD = """
import sys
sys.path[:] = sys.argv[5:]
from rerank_core.models.verify.measuring import child
child(*sys.argv[1:5])
"""


@dataclass(frozen=True)
class Contender:
    """What is measured.

    Attributes:
        runner: "rerank_core" or "PyTorch".
        directory: Of the weights.
        precision: Of the graph, or None for what `Reranker` takes by itself.
        model: The directory whose tokenizer and limit apply; PyTorch has none of ours.
    """

    runner: str
    directory: Path
    precision: str | None
    model: Path


@dataclass(frozen=True)
class Measured:
    """How fast a contender was, and how large it grew.

    Attributes:
        pairs_per_second: Median of the rounds.
        rounds: How many there were.
        peak_mb: Most resident memory that its process had, in MiB.
    """

    pairs_per_second: float
    rounds: int
    peak_mb: float


def measure(contenders: Sequence[Contender]) -> list[Measured]:
    """Score the built-in pairs with each contender in turn, round after round.

    Raises:
        EngineError: A process ended before its time.
    """
    # Loaded one after another: two loads at once would slow each other and prove nothing.
    running: list[_Process] = []
    try:
        for contender in contenders:
            running.append(_Process(contender))
            running[-1].ask("round")  # warms up
        seconds: list[list[float]] = [[] for _ in running]
        start = time.perf_counter()
        for _ in range(_ROUNDS):
            for own, process in zip(seconds, running, strict=True):
                own.append(process.ask("round"))
            if time.perf_counter() - start > _SECONDS:
                break
        peaks = [process.ask("peak") for process in running]
    finally:
        for process in running:
            process.end()
    return [
        Measured(len(probe_pairs()) / median(own), len(own), peak)
        for own, peak in zip(seconds, peaks, strict=True)
    ]


class _Process:
    """A contender in a process of its own; lines go to it, numbers come back."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  (closed by end)
        self._process = subprocess.Popen(  # noqa: S603  (this Python, our code)
            [
                sys.executable,
                "-I",
                "-c",
                _CHILD,
                contender.runner,
                str(contender.directory.absolute()),
                contender.precision or "",
                str(contender.model.absolute()),
                *sys.path,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def ask(self, what: str) -> float:
        streams = (self._process.stdin, self._process.stdout)
        if streams[0] is None or streams[1] is None:
            raise AssertionError("both are pipes")
        with contextlib.suppress(BrokenPipeError):  # it ended; the errors say why
            print(what, file=streams[0], flush=True)
        answer = streams[1].readline()
        if not answer:
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().strip().splitlines() or ["it said nothing"]
            raise EngineError(
                f"the process that measures {self._contender.directory} ended with status "
                f"{self._process.returncode}: {said[-1]}"
            )
        return float(answer)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def child(*contender: str) -> None:
    """Be a contender: answer each line of standard input with a number.

    Args:
        contender: The attributes of `Contender`, an empty precision for None.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    run = _contender(*contender)
    for line in sys.stdin:
        if line.strip() == "peak":
            number = _peak_mb()
        else:
            start = time.perf_counter()
            run()
            number = time.perf_counter() - start
        print(number, file=answers, flush=True)


def _contender(runner: str, directory: str, precision: str, model: str) -> Callable[[], object]:
    pairs = probe_pairs()
    if runner == "PyTorch":
        files = find(model)
        rows = rows_of(pairs, Tokenizer(files.tokenizer), files.max_length)
        score = scorer(find_original(directory))
        import torch  # noqa: PLC0415  (optional)

        torch.set_num_threads(1)
        return lambda: [score(row) for row in rows]
    reranker = Reranker(directory, precision=precision or None, threads=1)
    return lambda: reranker.score_pairs(pairs.queries, pairs.documents)


def _peak_mb() -> float:
    """Give the most resident memory that this process had, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent had when it forked
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    import resource  # noqa: PLC0415  (not on Windows)

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
