"""Text to ids against the `tokenizers` library, on real vocabularies: results/tokenizing.json.

Run as `python -m benchmarks.tokenizing DATA [ROUNDS]`, DATA being the folder of reference data. Both
encode the same texts on one thread, in turn, after their ids were found equal; then ours on all cores, beside
what the machine gives as many processes that have nothing in common.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

os.environ["RAYON_NUM_THREADS"] = "1"  # of the library, read when it first encodes a batch
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from benchmarks import harness
from rerank_core import Tokenizer
from rerank_core._cpu import available_cpus

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {
    "WordPiece, 30,522 (bert-base-uncased)": "bert-base-uncased/bge-small-en-v1.5.tokenizer.json",
    "Unigram, 250,002 (xlm-roberta)": (
        "xlm-roberta/paraphrase-multilingual-mpnet-base-v2.tokenizer.json.gz"
    ),
    "byte-level BPE, 50,265 (roberta-base)": "roberta-base/tokenizer.json",
}
PASSAGES, DOCUMENTS = 4000, 300
COPIES = 8  # of a work, to see how it scales: a few milliseconds would show the start of threads
LOAD = """
import pathlib, sys, time
import numpy, tokenizers
from rerank_core import Tokenizer
def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))
start, before = time.perf_counter(), status("VmRSS")
tokenizer = Tokenizer.from_file(sys.argv[1], native=sys.argv[2] == "native")
print(time.perf_counter() - start, status("VmHWM") - before, status("VmRSS") - before)
"""


def texts(data: Path) -> dict[str, list[str]]:
    """Give English passages, long English documents, and sentences of a hundred languages."""
    passages = _field(data / "collections/scifact/corpus.jsonl.gz", "text")
    answers = _field(data / "training/medquad/medquad_qa.jsonl.gz", "answer")
    pages = _field(data / "corpora/laser-tatoeba-v1.jsonl.gz", "text")
    lines = [line for page in pages for line in page.splitlines()]
    return {
        "passages": passages[:PASSAGES],
        "long documents": sorted(answers, key=len, reverse=True)[:DOCUMENTS],
        "many languages": lines[:: len(lines) // (4 * PASSAGES)],
    }


def _field(path: Path, name: str) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row[name] for row in rows if row.get(name)]


def measure(path: Path, works: dict[str, list[str]], rounds: int) -> dict[str, Any]:
    ours, library = (Tokenizer.from_file(path, native=native) for native in (True, False))
    if not ours.native:
        raise RuntimeError(f"{path} is not native: {ours.name}")
    reference = library._backend._tokenizer  # type: ignore[attr-defined]
    rows: dict[str, Any] = {}
    for name, work in works.items():
        given = tuple(work)
        ids = ours.cut(given).ids
        if not np.array_equal(ids, library.cut(given).ids):
            raise AssertionError(f"{path}: ids of {name} differ")
        contenders = {
            "native": partial(ours._backend.encode, given, threads=1),
            "tokenizers": partial(reference.encode_batch_fast, work, add_special_tokens=False),
            "one core": partial(ours._backend.encode, given * COPIES, threads=1),
            "all cores": partial(ours._backend.encode, given * COPIES, threads=available_cpus()),
        }
        seconds = harness.interleaved(contenders, rounds)
        rows[name] = {
            "texts": len(work),
            "tokens": len(ids),
            "tokens_per_second": harness.summary([len(ids) / s for s in seconds["native"]]),
            "ratio": harness.summary(
                [a / b for a, b in zip(seconds["tokenizers"], seconds["native"], strict=True)]
            ),
            "scaling": harness.summary(
                [a / b for a, b in zip(seconds["one core"], seconds["all cores"], strict=True)]
            ),
            "scaling_of_processes": harness.summary(
                [
                    available_cpus() * a / _beside_others(contenders["one core"])
                    for a in seconds["one core"]
                ]
            ),
        }
    return {"texts": rows, "loading": _loading(path, rounds)}


def _beside_others(work: Callable[[], Any]) -> float:
    """Give the seconds that the work takes in each of as many processes as there are cores."""
    forks = multiprocessing.get_context("fork")
    count = available_cpus()
    barrier, took = forks.Barrier(count), forks.SimpleQueue()

    def child() -> None:
        work()
        barrier.wait()
        start = time.perf_counter()
        work()
        took.put(time.perf_counter() - start)

    children = [forks.Process(target=child) for _ in range(count)]
    for each in children:
        each.start()
    for each in children:
        each.join()
    return float(np.mean([took.get() for _ in children]))


def _loading(path: Path, rounds: int) -> dict[str, Any]:
    """Seconds, and MB that are added at the peak and for good, each in processes of its own."""
    found: dict[str, list[list[float]]] = {"native": [], "tokenizers": []}
    for _ in range(min(rounds, 5)):
        for name, rows in found.items():
            done = subprocess.run(
                [sys.executable, "-c", LOAD, str(path), name],
                capture_output=True,
                text=True,
                check=True,
            )
            rows.append([float(value) for value in done.stdout.split()])
    return {
        name: {
            "seconds": harness.summary([row[0] for row in rows]),
            "peak_mb": float(np.median([row[1] for row in rows])),
            "resident_mb": float(np.median([row[2] for row in rows])),
        }
        for name, rows in found.items()
    }


def main() -> None:
    data = Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    result: dict[str, Any] = {"machine": harness.machine(), "rounds": rounds, "tokenizers": {}}
    works = texts(data)
    for name, file in FILES.items():
        row = result["tokenizers"][name] = measure(data / "tokenizers" / file, works, rounds)
        for work, figures in row["texts"].items():
            print(
                f"{name:<40} {work:<15} {figures['tokens_per_second']['median'] / 1e6:6.1f} M/s, "
                f"{figures['ratio']['median']:.1f}x, {figures['scaling']['median']:.2f} on all, "
                f"{figures['scaling_of_processes']['median']:.2f} by processes",
                flush=True,
            )
        print(row["loading"], flush=True)
    harness.write("tokenizing", result)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s")
